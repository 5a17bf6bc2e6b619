import { beforeAll, describe, expect, test } from 'vitest'
import { referenceBackend, type Backend, type Kernels, type PackOptions } from '../../src/backends/index.js'
import { BLOCK_FORMATS, bytesOfBlocks, type BlockType } from '../../src/tensor/blocks/index.js'
import { numberToFloat16 } from '../../src/tensor/float-bits.js'
import type { Activation, Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { ALL_BACKENDS, MISSING } from '../support/backends.js'
import { goldenTensors, type GoldenTensors } from '../support/goldens.js'
import { randomNumbers, randomTensor } from '../support/random.js'

const TYPES = Object.keys(BLOCK_FORMATS) as BlockType[]

/** Random blocks: any bits, with scales of the size that weights have. */
function randomBlocks(type: BlockType, rows: number, columns: number, seed: number): Tensor<BlockType> {
  const next = randomNumbers(seed)
  const data = Uint8Array.from({ length: bytesOfBlocks(type, [rows, columns]) }, () => Math.floor(128 * (next() + 1)))
  const { bytes, halves } = BLOCK_FORMATS[type]
  for (let block = 0; block < data.length; block += bytes) {
    for (const half of halves) {
      const bits = numberToFloat16(next() / 50)
      data[block + half] = bits & 255
      data[block + half + 1] = bits >> 8
    }
  }
  return new Tensor({ dtype: type, data, shape: [rows, columns] })
}

/**
 * How far two products may lie apart that differ in the order of their float32 additions: some roundings of the largest sum on the way. A backend
 * that does not round x to 8 bits differs by half a step of that for each column.
 */
function tolerance(x: Float, weight: Tensor<BlockType>, roundsInput: boolean): Float {
  const sums: number[] = []
  const widened = weight.to('float32').data
  const [rows, columns] = weight.shape
  for (let item = 0; item < x.size / columns; item++) {
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let start = 0; start < columns; start += 32) {
        const block = x.data.subarray(item * columns + start, item * columns + start + 32)
        const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        for (let i = 0; i < 32; i++) {
          // Integers are multiplied before their offset or minimum is taken off, so the size of those counts, not of the value.
          const weightSize = Math.abs(widened[row * columns + start + i]) + 1
          sum += weightSize * largest * (roundsInput ? 2 ** -20 : 2 ** -20 + 0.5 / 127)
        }
      }
      sums.push(sum)
    }
  }
  return Tensor.float32(sums)
}

for (const reason of MISSING) test.skip(reason)

describe.each(ALL_BACKENDS.slice(1))('products with blocks of $name are those of the reference', ({ name, create }) => {
  const reference = referenceBackend()
  const roundsInput = !name.startsWith('gpu')
  let golden: GoldenTensors
  let backend: Backend
  beforeAll(async () => {
    backend = await create()
    golden = await goldenTensors('gguf-blocks/blocks.safetensors')
  })

  async function both(run: (backend: Backend, kernels: Kernels) => Float | Promise<Float>): Promise<Float[]> {
    const results: Float[] = []
    for (const one of [backend, reference]) {
      results.push(await one.run(async ({ kernels, keep }) => keep(await run(one, kernels))))
    }
    return results
  }

  async function linear(
    x: Float,
    weight: Tensor<BlockType>,
    options: Partial<PackOptions> = {},
    activation?: Activation,
  ) {
    const [got, wanted] = await both((one, kernels) => {
      const packed = one.pack(weight, { use: 'linear', ...options })
      return kernels.linear(x, packed, activation).finally(() => one.free(packed))
    })
    const allowed = tolerance(x, weight, roundsInput).data
    expect(got.shape).toEqual(wanted.shape)
    const [a, b] = [got.toArray(), wanted.toArray()]
    const wrong = a.findIndex((value, i) => !(Math.abs(value - b[i]) <= allowed[i]))
    if (wrong >= 0) expect.fail(`${weight.dtype} ${x.shape.join('x')}: ${wrong}: ${a[wrong]}, wanted ${b[wrong]}`)
  }

  describe.each(TYPES)('%s', (type) => {
    const { values } = BLOCK_FORMATS[type]

    test('any number of rows of x and of the weight', async () => {
      for (const [rows, blocks, outputs] of [
        [1, 1, 1],
        [1, 3, 20],
        [2, 2, 8],
        [3, 1, 9],
        [4, 1, 8],
        [5, 2, 11],
        [6, 1, 16],
        [7, 3, 17],
        [50, 2, 12],
      ]) {
        const next = randomNumbers(rows)
        const weight = randomBlocks(type, outputs, blocks * values, outputs)
        const x = randomTensor(next, [rows, blocks * values], 3)
        await linear(x, weight)
        await linear(x, weight, { bias: randomTensor(next, [outputs]) }, 'relu')
      }
    })

    test('rows are looked up bit by bit, from a table and from a tied head', async () => {
      const blocks = golden.bytes(`${type}.blocks`)
      const table = new Tensor({ dtype: type, data: blocks, shape: [6, values] })
      const wanted = golden.float(`${type}.values`).slice(0, 3, 4).toArray()
      for (const use of ['gather', 'both'] as const) {
        const packed = backend.pack(table, { use })
        const got = await backend.run(async ({ kernels, keep }) => keep(kernels.gather(packed, Tensor.int32([5, 3]))))
        expect(got.shape).toEqual([2, values])
        expect(got.slice(0, 1).toArray()).toEqual(wanted)
        backend.free(packed)
      }
    })

    test('a row of zeros gives zeros, and a row does not depend on its batch', async () => {
      const weight = randomBlocks(type, 8, values, 3)
      const x = randomTensor(randomNumbers(4), [9, values])
      x.data.fill(0, values, 2 * values)
      const packed = backend.pack(weight, { use: 'linear' })
      const [all, some] = await backend.run(async ({ kernels, keep }) => [
        keep(await kernels.linear(x, packed)),
        keep(await kernels.linear(x.slice(0, 3, 8), packed)),
      ])
      expect(all.slice(0, 1, 2).toArray().map(Math.abs)).toEqual(new Array(8).fill(0))
      expect(all.slice(0, 3, 8).toArray()).toEqual(some.toArray())
    })
  })

  test('packed blocks take the bytes of the file, but for rows that fill the last panel', () => {
    for (const type of TYPES) {
      const packed = backend.pack(randomBlocks(type, 24, 512, 1), { use: 'linear' })
      if (roundsInput) expect(packed.byteLength).toBeLessThan(1.04 * bytesOfBlocks(type, [24, 512]) + 64)
      backend.free(packed)
    }
  })

  test('a scale that is not finite, and a wrong width, are refused', async () => {
    const weight = randomBlocks('q4_k', 8, 256, 1)
    const packed = backend.pack(weight, { use: 'linear' })
    const run = backend.run(({ kernels }) => kernels.linear(Tensor.zeros('float32', [2, 32]), packed))
    await expect(run).rejects.toThrow('linear: input [2, 32] does not fit weight [8, 256]')
    weight.data[145] = 0x7c
    expect(() => backend.pack(weight, { use: 'linear' })).toThrow(
      'a scale of the q4_k weight [8, 256] is not a finite number',
    )
  })
})
