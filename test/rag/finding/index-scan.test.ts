import { beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../../src/backends/index.js'
import { FlatIndex, IndexScan } from '../../../src/rag/index.js'
import { BACKENDS } from '../../support/backends.js'
import { randomNumbers } from '../../support/random.js'

/** Vectors of length 1, some of them equal or nearly so, so that ranks hang on the last bits. */
function vectors(next: () => number, count: number, dimension: number): Float32Array {
  const all = Float32Array.from({ length: count * dimension }, next)
  for (let row = 0; row < count; row++) {
    const vector = all.subarray(row * dimension, (row + 1) * dimension)
    if (row % 7 === 6) vector.set(all.subarray((row - 3) * dimension, (row - 2) * dimension))
    if (row % 14 === 13) vector[0] += 1e-6
    const length = Math.hypot(...vector)
    vector.forEach((value, i) => (vector[i] = value / length))
  }
  return all
}

describe.each(BACKENDS)('scanning on $name', ({ create }) => {
  let backend: Backend
  beforeAll(async () => {
    backend = await create()
  })

  test.each([
    ['float32', 1, 3],
    ['float32', 2000, 48],
    ['int8', 2000, 48],
    ['float32', 501, 30],
  ] as const)(
    '%s, %i vectors of %i: the hits and scores of the plain search, bit for bit',
    async (dtype, count, dimension) => {
      const next = randomNumbers(count)
      const index = FlatIndex.fromVectors(vectors(next, count, dimension), dimension, dtype)
      const scan = await IndexScan.create(index, backend)
      for (let i = 0; i < 20; i++) {
        const query = Float32Array.from({ length: dimension }, next)
        for (const k of [1, 10, 5000]) expect(await scan.search(query, k)).toEqual(index.search(query, k))
      }
      expect(await scan.search(new Float32Array(dimension), 3)).toEqual(index.search(new Float32Array(dimension), 3))
      scan.dispose()
    },
  )

  test.each(['float32', 'int8'] as const)(
    '%s: many queries in one pass, with a mask, have the hits of the plain search',
    async (dtype) => {
      const [count, dimension] = [20_000, 16] // two blocks
      const next = randomNumbers(3)
      const index = FlatIndex.fromVectors(vectors(next, count, dimension), dimension, dtype)
      const scan = await IndexScan.create(index, backend)
      const queries = Array.from({ length: 33 }, () => Float32Array.from({ length: dimension }, next))
      const masks = [
        Uint8Array.from({ length: count }, (_, row) => Number(row % 5 === 2)),
        Uint8Array.from({ length: count }, (_, row) => Number(row > count - 9)), // nothing of the first block, fewer than k
        new Uint8Array(count),
      ]
      for (const mask of [undefined, ...masks]) {
        const plain = queries.map((query) => index.search(query, 10, { mask }))
        expect(await scan.searchAll(queries, 10, { mask })).toEqual(plain)
      }
      expect(await scan.searchAll([], 10)).toEqual([])
      scan.dispose()
    },
  )

  test('rows of integers are kept once and read back; the vectors of others are needed for the exact scores', async () => {
    const [count, dimension] = [20_001, 10]
    const next = randomNumbers(9)
    const all = Float32Array.from({ length: count * dimension }, next)
    const index = FlatIndex.fromVectors(all, dimension, 'int8')
    const { packed } = await IndexScan.create({ dimension, blocks: () => index.blocks() }, backend)
    expect(packed.count).toBe(count)
    for (const [first, end] of [
      [0, 1],
      [16_380, 16_390], // across two blocks
      [20_000, 20_001],
    ]) {
      expect(packed.rows(first, end)).toEqual({
        vectors: index.vectors.slice(first * dimension, end * dimension),
        scales: index.scales!.slice(first, end),
      })
      expect(packed.vector(first)).toEqual(index.vector(first))
      expect(packed.score(first, all.subarray(0, dimension))).toBe(index.score(first, all.subarray(0, dimension)))
    }
    packed.dispose()
    const floats = FlatIndex.fromVectors(all, dimension)
    const create = IndexScan.create({ dimension, blocks: () => floats.blocks() }, backend)
    await expect(create).rejects.toThrow('without rows()')
  })

  test('a wrong query or k is refused as by the plain search', async () => {
    const scan = await IndexScan.create(FlatIndex.fromVectors(Float32Array.of(1, 0, 0, 1), 2), backend)
    await expect(scan.search(Float32Array.of(1), 1)).rejects.toThrow(
      'the query has 1 elements, the index has vectors of 2',
    )
    await expect(scan.search(Float32Array.of(NaN, 1), 1)).rejects.toThrow('NaN')
    await expect(scan.search(Float32Array.of(1, 1), 0)).rejects.toThrow('k is 0')
    scan.dispose()
  })
})
