/**
 * A retriever of int8 that is large enough for the kernels: its vectors are in the encoder's backend only.
 */
import { expect, test } from 'vitest'
import { wasmBackend } from '../../../src/backends/index.js'
import { FlatIndex, passageText, Retriever } from '../../../src/rag/index.js'
import { DISTINCT, WIDTH, wideEncoder, wideTexts } from '../../support/wide-encoder.js'

test('it finds, saves and shows what the plain index of all vectors has', { timeout: 60_000 }, async () => {
  const passages = wideTexts(20_001)
  const backend = await wasmBackend()
  const encoder = await wideEncoder(backend)
  const progress: number[] = []
  const built = await Retriever.build(encoder, passages, {
    dtype: 'int8',
    batchSize: 256,
    onProgress: (done) => progress.push(done),
  })
  expect(progress).toEqual(progress.slice().sort((a, b) => a - b))
  expect(progress.at(-1)).toBe(passages.length)

  const distinct = await encoder.embed(passages.slice(0, DISTINCT).map(passageText))
  const vectors = new Float32Array(passages.length * WIDTH)
  for (let start = 0; start < vectors.length; start += distinct.length) {
    vectors.set(distinct.subarray(0, vectors.length - start), start)
  }
  const plain = FlatIndex.fromVectors(vectors, WIDTH, 'int8')
  const opened = Retriever.open(built.save(), passages, encoder, 'index.bin')
  const question = await built.embed('w5 w1')
  const wanted = plain.search(question, 60).map(({ index, score }) => ({ ...passages[index], score }))
  for (const retriever of [built, opened]) {
    expect(await retriever.search(question, 60)).toEqual(wanted)
    expect(retriever.index.dtype).toBe('int8')
    expect(retriever.index.count).toBe(passages.length)
    expect(retriever.index.vector(20_000)).toEqual(plain.vector(20_000))
  }
  const held = backend.memory.used
  built.dispose()
  opened.dispose()
  await new Promise(setImmediate)
  expect(held - backend.memory.used).toBeGreaterThan(2 * passages.length * WIDTH)
  backend.dispose()
})
