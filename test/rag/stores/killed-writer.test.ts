import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FlatFileStore } from '../../../src/rag/index.js'
import { killRuns } from '../../support/kill-runs.js'
import { KIND } from '../../support/numbered-changes.js'

/** `KILLS=200` is the measurement of docs/security.md. */
const KILLS = Number(process.env.KILLS ?? 8)

test(
  `an index whose writer is killed ${KILLS} times opens, with every finished document, once`,
  { timeout: 3_600_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'glassformer-killed-'))
    const path = join(folder, 'my.index')
    try {
      const { done, more } = await killRuns({
        runs: KILLS,
        place: [path, '-'],
        open: () => FlatFileStore.openForWriting(path, KIND),
        // every other time the next writer finds a journal
        close: (store, run) => (run % 2 === 0 ? store.close() : (store as FlatFileStore).suspend()),
      })
      console.log(`file: killed ${KILLS} times in ${done} changes; ${more} of those that it was at were done`)
      await (await FlatFileStore.openForWriting(path, KIND)).close()
      expect(readdirSync(folder)).toEqual(['my.index'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
