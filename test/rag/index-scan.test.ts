import { beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/backends/index.js'
import { FlatIndex, IndexScan } from '../../src/rag/index.js'
import { BACKENDS } from '../support/backends.js'
import { randomNumbers } from '../support/random.js'

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
