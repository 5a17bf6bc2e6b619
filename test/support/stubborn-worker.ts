/**
 * A thread that answers in the place of the models, and misbehaves where the question says so. Its data are what it waits for before it is ready
 * (milliseconds), and whether it fails to become so.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Pipeline } from '../../src/cli/pipeline.js'
import { answerOnPort } from '../../src/cli/server/answer-on-port.js'
import { FileError } from '../../src/errors.js'

const { load = 0, fails = false } = workerData as { readonly load?: number; readonly fails?: boolean }

const MISBEHAVIOUR: Readonly<Record<string, (signal: AbortSignal) => unknown>> = {
  compute: () => {
    for (;;);
  },
  sleep: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  memory: () => {
    const lists: number[][] = []
    for (;;) lists.push(new Array<number>(1000).fill(lists.length))
  },
  throw: () => {
    throw new TypeError('thrown on no purpose')
  },
  'throw later': () => {
    setTimeout(() => {
      throw new TypeError('thrown where nobody catches it')
    })
    return new Promise(() => {})
  },
  exit: () => process.exit(3),
  heed: (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('it was cancelled')))),
}

const rag = {
  encoder: { name: 'none' },
  ask: async (question: string, { signal, onText }: { signal: AbortSignal; onText?: (text: string) => void }) => {
    onText?.('a piece')
    await MISBEHAVIOUR[question]?.(signal)
    return { question }
  },
}

await answerOnPort(parentPort!, async () => {
  await new Promise((resolve) => setTimeout(resolve, load))
  if (fails) throw new FileError('file-not-found', 'the index is gone')
  const pipeline = { kind: 'prompt', rag, corpus: 'nothing', stages: [], close: () => Promise.resolve() }
  return pipeline as unknown as Pipeline
})
