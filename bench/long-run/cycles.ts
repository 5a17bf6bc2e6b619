/**
 * Load, ask, dispose, again and again in one process.
 */
import { fileURLToPath } from 'node:url'
import type { LongRun, Sample } from './growth.js'
import { DIST, startWatched } from './watched.js'

const SCRIPT = fileURLToPath(new URL('cycles.mjs', import.meta.url))

export async function runCycles(count: number, onProgress: (done: number) => void): Promise<LongRun> {
  const begun = performance.now()
  const watched = startWatched(SCRIPT, [`${DIST}/index.js`, String(count)])
  const samples: Sample[] = []
  try {
    for (let done = 1; done <= count; done++) {
      await watched.next()
      samples.push([done, await watched.memory()])
      onProgress(done)
      watched.child.stdin!.write('\n')
    }
  } finally {
    watched.child.kill()
  }
  return { name: 'load, ask, dispose', unit: 'cycles', seconds: (performance.now() - begun) / 1000, samples }
}
