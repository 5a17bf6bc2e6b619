import { describe, expect, test } from 'vitest'
import { Random } from '../../../bench/random.js'
import { InputError, ShapeError } from '../../../src/errors.js'
import { FlatIndex } from '../../../src/rag/index.js'

const random = new Random(11)
const gaussian = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())

/** Unit vectors of random direction, row-major. */
function unitVectors(count: number, dimension: number): Float32Array {
  const vectors = new Float32Array(count * dimension)
  for (let row = 0; row < count; row++) {
    const vector = Array.from({ length: dimension }, gaussian)
    const norm = Math.hypot(...vector)
    vectors.set(
      vector.map((x) => x / norm),
      row * dimension,
    )
  }
  return vectors
}

/** Every dot product, sorted as a whole. */
function naive(vectors: Float32Array, query: Float32Array): { index: number; score: number }[] {
  const dimension = query.length
  const rows = Array.from({ length: vectors.length / dimension }, (_, index) => {
    const score = query.reduce((sum, x, i) => sum + x * vectors[index * dimension + i], 0)
    return { index, score: Math.fround(score) }
  })
  return rows.sort((a, b) => b.score - a.score || a.index - b.index)
}

describe('a float32 index', () => {
  test('finds exactly what sorting all dot products finds', () => {
    for (const [count, dimension] of [
      [1, 1],
      [7, 3],
      [500, 24],
    ]) {
      const vectors = unitVectors(count, dimension)
      const index = FlatIndex.fromVectors(vectors, dimension)
      for (const k of [1, 2, 10, count, count + 5]) {
        const query = unitVectors(1, dimension)
        expect(index.search(query, k)).toEqual(naive(vectors, query).slice(0, k))
      }
    }
  })

  test('keeps the order of rows with equal scores, wherever the k are cut off', () => {
    // rows 0, 2, 4, … score 1 and the others 2
    const vectors = Float32Array.from({ length: 20 }, (_, row) => 1 + (row % 2))
    const index = FlatIndex.fromVectors(vectors, 1)
    const order = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    for (let k = 1; k <= 20; k++) {
      expect(index.search(Float32Array.of(1), k).map((hit) => hit.index)).toEqual(order.slice(0, k))
    }
  })

  test('finds negative scores too', () => {
    const index = FlatIndex.fromVectors(Float32Array.of(-3, -1, -2), 1)
    expect(index.search(Float32Array.of(1), 2)).toEqual([
      { index: 1, score: -1 },
      { index: 2, score: -2 },
    ])
  })
})

describe('an int8 index', () => {
  const [count, dimension] = [2000, 64]
  const vectors = unitVectors(count, dimension)
  const index = FlatIndex.fromVectors(vectors, dimension, 'int8')

  test('is off by at most half a step in every element', () => {
    for (let i = 0; i < vectors.length; i++) {
      const scale = index.scales![Math.floor(i / dimension)]
      expect(Math.abs(index.vectors[i] * scale - vectors[i])).toBeLessThanOrEqual(scale / 2 + 1e-7)
    }
  })

  test('scores within the bound that follows, and finds nearly the same rows', () => {
    let found = 0
    for (let round = 0; round < 50; round++) {
      const query = unitVectors(1, dimension)
      const exact = naive(vectors, query)
      const scoreOf = new Map(exact.map((hit) => [hit.index, hit.score]))
      const norm1 = query.reduce((sum, x) => sum + Math.abs(x), 0)
      const hits = index.search(query, 10)
      for (const hit of hits) {
        // |Σ q (v - v')| <= Σ |q| times half a step
        expect(Math.abs(hit.score - scoreOf.get(hit.index)!)).toBeLessThanOrEqual(
          (norm1 * index.scales![hit.index]) / 2,
        )
      }
      const best = new Set(exact.slice(0, 10).map((hit) => hit.index))
      found += hits.filter((hit) => best.has(hit.index)).length
    }
    expect(found / 500).toBeGreaterThan(0.95)
  })

  test('holds a vector of zeros', () => {
    const zeros = FlatIndex.fromVectors(new Float32Array(3), 3, 'int8')
    expect(zeros.search(Float32Array.of(1, 2, 3), 1)).toEqual([{ index: 0, score: 0 }])
  })
})

describe('is refused', () => {
  const index = FlatIndex.fromVectors(Float32Array.of(1, 2, 3, 4), 2)
  test.each([NaN, Infinity, -Infinity])('a vector with %d, by its number', (value) => {
    for (const dtype of ['float32', 'int8'] as const) {
      const build = () => FlatIndex.fromVectors(Float32Array.of(1, 2, 3, value), 2, dtype)
      expect(build).toThrow(InputError)
      expect(build).toThrow(`FlatIndex: vector 1 contains ${value}`)
    }
    expect(() => index.search(Float32Array.of(0, value), 1)).toThrow(InputError)
  })
  test.each([0, -1, 1.5, NaN, 3])('vectors of %d elements in 4 numbers', (dimension) => {
    expect(() => FlatIndex.fromVectors(new Float32Array(4), dimension)).toThrow(ShapeError)
  })
  test('a query of another length, with both lengths', () => {
    expect(() => index.search(new Float32Array(3), 1)).toThrow(
      'search: the query has 3 elements, the index has vectors of 2',
    )
  })
  test.each([0, -1, 1.5, NaN])('k = %d', (k) => {
    expect(() => index.search(Float32Array.of(1, 0), k)).toThrow(InputError)
  })
})
