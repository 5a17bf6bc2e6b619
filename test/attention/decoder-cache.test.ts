import { describe, expect, test } from 'vitest'
import { DecoderCache } from '../../src/attention/index.js'
import type { Backend } from '../../src/backends/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { ALL_BACKENDS } from '../support/backends.js'

const HEADS = 2
const HEAD_DIM = 3

/** A cache whose rows hold tokens that can be read back. */
class Rows {
  readonly cache: DecoderCache
  readonly #backend: Backend

  constructor(backend: Backend, capacity?: number) {
    this.#backend = backend
    this.cache = new DecoderCache(backend, { numLayers: 2, capacity })
  }

  /** Appends tokens [rows][n] to every layer and returns what each row of the last one holds. */
  append(tokens: readonly (readonly number[])[]): Promise<number[][]> {
    const shape = [tokens.length, HEADS, tokens[0].length, HEAD_DIM]
    const each = tokens.flatMap((row) =>
      Array.from({ length: HEADS }, (_, head) => row.flatMap((token) => [token, head, -token])).flat(),
    )
    const key = Tensor.float32(each, shape)
    const value = Tensor.float32(
      each.map((x) => 10 * x),
      shape,
    )
    return this.#backend.run(async ({ kernels }) => {
      const [, held] = this.cache.layers.map(({ self }) => self.append({ key, value }, kernels))
      const numbers = held.key.toArray()
      expect(held.value.toArray()).toEqual(numbers.map((x) => 10 * x))
      const [rows, , length] = held.key.shape
      return Array.from({ length: rows }, (_, row) =>
        Array.from({ length }, (_, i) => numbers[(row * HEADS * length + i) * HEAD_DIM]),
      )
    })
  }
}

describe.each(ALL_BACKENDS)('the cache of a decoding on $name', ({ create }) => {
  test('one row becomes many, and each goes on alone', async () => {
    const rows = new Rows(await create(), 2)
    await rows.append([
      [7, 8],
      [1, 2],
    ])
    rows.cache.reorder([0, 0, 1, 1])
    expect(await rows.append([[3], [4], [5], [6]])).toEqual([
      [7, 8, 3],
      [7, 8, 4],
      [1, 2, 5],
      [1, 2, 6],
    ])
  })

  test('rows are swapped, turned in a circle and overwritten as if each were copied from the old ones', async () => {
    const rows = new Rows(await create())
    let expected = [[0], [1], [2], [3]]
    await rows.append(expected)
    let token = 10
    for (const parents of [
      [1, 0, 3, 2],
      [1, 2, 3, 0],
      [0, 0, 1, 1],
      [3, 3, 3, 0],
      [2, 0, 1, 3],
      [1, 0, 0, 2],
    ]) {
      rows.cache.reorder(parents)
      const next = parents.map(() => [token++])
      expected = parents.map((parent, row) => [...expected[parent], ...next[row]])
      expect(await rows.append(next)).toEqual(expected)
    }
  })

  test('two reorders between steps are one after the other', async () => {
    const rows = new Rows(await create())
    await rows.append([[1], [2]])
    rows.cache.reorder([1, 0])
    rows.cache.reorder([0, 0])
    expect(await rows.append([[3], [4]])).toEqual([
      [2, 3],
      [2, 4],
    ])
  })

  test('only the positions after two rows part are copied', async () => {
    const backend = await create()
    const rows = new Rows(backend)
    await rows.append([[1, 2, 3, 4]])
    rows.cache.reorder([0, 0])
    await rows.append([[5], [6]])
    let copied = 0
    rows.cache.reorder([1, 1])
    await backend.run(async ({ kernels }) => {
      const counting = new Proxy(kernels, {
        get: (target, name) => {
          const member = target[name as keyof typeof target] as unknown
          if (name !== 'copyInto') return typeof member === 'function' ? member.bind(target) : member
          return (to: Tensor<'float32'>, from: Tensor<'float32'>) => {
            copied += from.size
            target.copyInto(to, from)
          }
        },
      })
      const one = Tensor.float32(new Float32Array(2 * HEADS * HEAD_DIM), [2, HEADS, 1, HEAD_DIM])
      rows.cache.layers[0].self.append({ key: one, value: one }, counting)
    })
    const onePosition = HEADS * HEAD_DIM
    expect(copied).toBe(2 * onePosition + 2 * 2 * onePosition) // a position of one row, and the appended one of both rows
  })

  test('a kept prefix begins the rows of another cache', async () => {
    const backend = await create()
    const prefix = new Rows(backend)
    await prefix.append([[1, 2, 3]])
    const rows = new Rows(backend)
    await backend.run(async ({ kernels }) => rows.cache.adopt(prefix.cache, 2, 2, kernels))
    expect(await rows.append([[8], [9]])).toEqual([
      [1, 2, 8],
      [1, 2, 9],
    ])
    expect(await prefix.append([[4]])).toEqual([[1, 2, 3, 4]])
  })

  test('a row that does not exist is refused', async () => {
    const rows = new Rows(await create())
    await rows.append([[1], [2]])
    expect(() => rows.cache.reorder([0, 2])).toThrow('there is no row 2 of 2')
  })
})
