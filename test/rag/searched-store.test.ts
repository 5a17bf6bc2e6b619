import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { FlatFileStore, HybridStore, Rag, SentenceEncoder, type AnyReader } from '../../src/rag/index.js'
import { weightsPath } from '../support/weights.js'

const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
const reader = {} as AnyReader
let encoder: SentenceEncoder
let store: FlatFileStore
beforeAll(async () => {
  encoder = await SentenceEncoder.fromPretrained(weightsPath('all-MiniLM-L6-v2'))
  const { dimension } = encoder
  store = await FlatFileStore.openForWriting(join(root, 'my.index'), { encoder: await encoder.identity(), dimension })
})
afterAll(async () => {
  await store.close()
  encoder.dispose()
  rmSync(root, { recursive: true })
})

test('a pipeline says which store it searches: for words too unless told, and wrapped once', async () => {
  const searched = async (options: object) =>
    (await Rag.fromPretrained(undefined, { reader, encoder, ...options })).store
  const found = await searched({ index: store })
  expect(found).toBeInstanceOf(HybridStore)
  expect((found as HybridStore).store).toBe(store)
  expect(await searched({ index: store, hybrid: false })).toBe(store)
  const own = new HybridStore(store)
  expect(await searched({ index: own })).toBe(own)
  expect(await searched({})).toBeUndefined()
})

test("the caller's store stays open", async () => {
  const close = vi.spyOn(store, 'close')
  const rag = await Rag.fromPretrained(undefined, { reader, encoder, index: store })
  rag.dispose()
  expect(close).not.toHaveBeenCalled()
  expect(await store.size()).toBe(0)
})
