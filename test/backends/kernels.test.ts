import { beforeAll, describe, expect, test } from 'vitest'
import { MASKED } from '../../src/attention/masks.js'
import type { AttentionInputs, Backend, Kernels, PackOptions } from '../../src/backends/index.js'
import { referenceBackend } from '../../src/backends/index.js'
import {
  quantizeRows,
  rotaryFrequencies,
  rotaryTable,
  type Activation,
  type Float,
} from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import type { DType } from '../../src/tensor/dtype.js'
import { ALL_BACKENDS, MISSING } from '../support/backends.js'
import { expectClose } from '../support/goldens.js'
import { randomNumbers, randomTensor } from '../support/random.js'

/** Sums of k products of numbers up to 1 differ by the order of their additions. */
const TOLERANCE = { abs: 2e-5, rel: 2e-5 }
const ACTIVATIONS: readonly (Activation | undefined)[] = [
  undefined,
  'relu',
  'gelu',
  'gelu_tanh',
  'silu',
  'tanh',
  'sigmoid',
]

for (const reason of MISSING) test.skip(reason)

describe.each(ALL_BACKENDS.slice(1))('kernels of $name give what the reference gives', ({ create }) => {
  const reference = referenceBackend()
  let backend: Backend
  beforeAll(async () => {
    backend = await create()
  })

  /** Runs the same on both and compares the results. */
  async function same(
    what: string,
    run: (backend: Backend, kernels: Kernels) => Float | Promise<Float>,
    tolerance = TOLERANCE,
  ): Promise<void> {
    const results: Float[] = []
    for (const one of [backend, reference]) {
      results.push(await one.run(async ({ kernels, keep }) => keep(await run(one, kernels))))
    }
    expectClose(results[0], results[1], tolerance, what)
  }

  const linear = (x: Float, weight: Tensor, options: Partial<PackOptions> = {}, activation?: Activation) =>
    same(
      `linear ${x.shape.join('x')} by ${weight.shape.join('x')} ${weight.dtype} ${activation ?? ''}`,
      (one, kernels) => {
        const packed = one.pack(weight, { use: 'linear', ...options })
        return kernels.linear(x, packed, activation).finally(() => one.free(packed))
      },
    )

  describe('linear', () => {
    test.each([
      [1, 1, 1],
      [1, 5, 3],
      [1, 33, 32],
      [1, 64, 100],
      [2, 7, 9],
      [3, 16, 8],
      [4, 12, 17],
      [5, 31, 40],
      [6, 8, 8],
      [7, 64, 24],
      [13, 130, 65],
      [50, 257, 72],
      [700, 96, 40],
    ])('%i rows, %i in, %i out: any size, with and without bias', async (rows, k, n) => {
      const next = randomNumbers(rows * 1000 + k)
      const [x, weight, bias] = [randomTensor(next, [rows, k]), randomTensor(next, [n, k]), randomTensor(next, [n])]
      await linear(x, weight)
      await linear(x, weight, { bias })
    })

    test.each(['float16', 'bfloat16', 'float64'] as DType[])('%s weights', async (dtype) => {
      const next = randomNumbers(3)
      for (const rows of [1, 2, 9]) {
        const weight = randomTensor(next, [45, 70]).to(dtype)
        await linear(randomTensor(next, [rows, 70]), weight, { bias: randomTensor(next, [45]).to(dtype) })
      }
    })

    test('every float16 value, subnormal ones among them, and infinities', async () => {
      const finite = Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00)
      const weight = new Tensor({ dtype: 'float16', data: Uint16Array.from(finite), shape: [finite.length / 2, 2] })
      await same('float16', (one, kernels) =>
        kernels.linear(Tensor.float32([1, 0], [1, 2]), one.pack(weight, { use: 'linear' })),
      )
      await same('float16', (one, kernels) =>
        kernels.linear(Tensor.float32([0, 1, 1, 0], [2, 2]), one.pack(weight, { use: 'linear' })),
      )
      const infinite = new Tensor({ dtype: 'float16', data: Uint16Array.of(0x7c00, 0xfc00), shape: [2, 1] })
      await same('infinity', (one, kernels) =>
        kernels.linear(Tensor.float32([1], [1, 1]), one.pack(infinite, { use: 'linear' })),
      )
    })

    test('activations are fused', async () => {
      const next = randomNumbers(4)
      const x = randomTensor(next, [5, 3, 20], 3)
      const weight = randomTensor(next, [27, 20], 3)
      for (const activation of ACTIVATIONS) await linear(x, weight, { bias: randomTensor(next, [27]) }, activation)
    })

    test('int8: the same integers, so the same result to the last bits', async () => {
      const next = randomNumbers(5)
      for (const [rows, k, n] of [
        [1, 4, 8],
        [1, 50, 33],
        [2, 7, 3],
        [7, 384, 100],
        [40, 129, 64],
      ]) {
        const [x, weight, bias] = [
          randomTensor(next, [rows, k], 4),
          randomTensor(next, [n, k]),
          randomTensor(next, [n]),
        ]
        await same(
          `int8 ${rows}x${k}x${n}`,
          (one, kernels) => kernels.linear(x, one.pack(weight, { use: 'linear', dtype: 'int8', bias })),
          { abs: 1e-6, rel: 1e-6 },
        )
      }
    })

    test('int8: integers with their scales are packed as they are, and read back', async () => {
      const next = randomNumbers(8)
      const weight = randomTensor(next, [19, 30])
      const { values, scales } = quantizeRows(weight)
      const integers = new Tensor({ dtype: 'int8', data: values.slice(), shape: [19, 30] })
      const options = { use: 'linear', dtype: 'int8' } as const
      const given = backend.pack(integers, { ...options, rowScales: scales })
      integers.data.fill(0) // they were copied
      const made = backend.pack(weight, options)
      const x = randomTensor(next, [2, 30])
      const [a, b] = await backend.run(async ({ kernels, keep }) => [
        keep(await kernels.linear(x, given)),
        keep(await kernels.linear(x, made)),
      ])
      expect(a.toArray()).toEqual(b.toArray())
      expect(backend.unpack(given, 7, 18)).toEqual({
        values: values.slice(7 * 30, 18 * 30),
        scales: scales.slice(7, 18),
      })
      expect(() => backend.unpack(backend.pack(weight, { use: 'linear' }), 0, 1)).toThrow('not of int8')
      const wrong = { ...options, rowScales: scales.subarray(1) }
      expect(() => backend.pack(integers, wrong)).toThrow('18 rowScales for int8 [19, 30]')
    })

    test('int8: a row of zeros, and rows that do not depend on their batch', async () => {
      const next = randomNumbers(6)
      const packed = backend.pack(randomTensor(next, [24, 40]), { use: 'linear', dtype: 'int8' })
      const x = randomTensor(next, [9, 40])
      x.data.fill(0, 40, 80)
      const [all, one] = await backend.run(async ({ kernels, keep }) => [
        keep(await kernels.linear(x, packed)),
        keep(await kernels.linear(x.slice(0, 3, 4), packed)),
      ])
      expect(all.slice(0, 3, 4).toArray()).toEqual(one.toArray())
      expect(all.slice(0, 1, 2).toArray()).toEqual(new Array(24).fill(0))
    })

    test('a wrong width is refused with both shapes', async () => {
      const packed = backend.pack(Tensor.zeros('float32', [4, 3]), { use: 'linear' })
      const run = backend.run(({ kernels }) => kernels.linear(Tensor.zeros('float32', [2, 5]), packed))
      await expect(run).rejects.toThrow('linear: input [2, 5] does not fit weight [4, 3]')
    })
  })

  test('matmul: batches, broadcasting, transposed and sliced views', async () => {
    const next = randomNumbers(7)
    const cases: [Float, Float][] = [
      [randomTensor(next, [3, 5]), randomTensor(next, [5, 7])],
      [randomTensor(next, [2, 3, 9, 16]), randomTensor(next, [2, 3, 11, 16]).transpose(0, 1, 3, 2)],
      [randomTensor(next, [4, 1, 6, 5]), randomTensor(next, [3, 5, 8])],
      [randomTensor(next, [8, 6]).transpose(), randomTensor(next, [8, 9])],
      [randomTensor(next, [2, 10, 12]).slice(2, 3, 8), randomTensor(next, [2, 5, 20]).slice(2, 1, 18)],
      [randomTensor(next, [1, 1]), randomTensor(next, [1, 1])],
    ]
    for (const [a, b] of cases)
      await same(`${a.shape.join('x')} by ${b.shape.join('x')}`, (_, kernels) => kernels.matmul(a, b))
    await expect(
      backend.run(({ kernels }) => kernels.matmul(Tensor.zeros('float32', [2, 3]), Tensor.zeros('float32', [4, 5]))),
    ).rejects.toThrow('inner dimensions 3 and 4 differ')
  })

  describe('attention', () => {
    /** Heads as they come from a projection: a view of [batch, seq, heads * headDim]. */
    const heads = (next: () => number, batch: number, count: number, seq: number, headDim: number) =>
      randomTensor(next, [batch, seq, count, headDim]).transpose(0, 2, 1, 3)
    const check = (what: string, inputs: AttentionInputs) => same(what, (_, kernels) => kernels.attention(inputs))

    test.each([
      [1, 1, 1, 1, 1, 1],
      [2, 4, 4, 5, 5, 8],
      [1, 3, 3, 17, 33, 12],
      [2, 6, 2, 7, 7, 32],
      [1, 2, 1, 1, 40, 64],
      [1, 2, 2, 20, 600, 16],
      [1, 1, 1, 9, 1300, 6],
      [5, 8, 8, 30, 90, 24],
    ])('batch %i, %i heads on %i, %i queries, %i keys of %i', async (batch, count, shared, queries, keys, headDim) => {
      const next = randomNumbers(keys)
      const query = heads(next, batch, count, queries, headDim)
      const [key, value] = [heads(next, batch, shared, keys, headDim), heads(next, batch, shared, keys, headDim)]
      const inputs = { query, key, value, scale: 1.5 / Math.sqrt(headDim) }
      const positionBias = randomTensor(next, [1, count, queries, keys])
      const mask = Tensor.float32(
        Float32Array.from({ length: batch * keys }, (_, i) => (i % keys > keys * 0.6 ? MASKED : 0)),
        [batch, 1, 1, keys],
      )
      await check('plain', inputs)
      await check('bias', { ...inputs, positionBias })
      await check('mask', { ...inputs, mask })
      await check('bias and mask', { ...inputs, positionBias, mask })
      if (queries <= keys) {
        await check('causal', { ...inputs, causal: true })
        await check('causal, bias and mask', { ...inputs, positionBias, mask, causal: true })
      }
    })

    test('large scores, a query that may look nowhere, a bias that is a view with steps back', async () => {
      const next = randomNumbers(8)
      const inputs = { query: heads(next, 1, 2, 6, 8), key: heads(next, 1, 2, 9, 8), value: heads(next, 1, 2, 9, 8) }
      await check('large', { ...inputs, scale: 1000 })
      await check('nowhere', {
        ...inputs,
        scale: 1,
        mask: Tensor.float32(new Float32Array(9).fill(MASKED), [1, 1, 1, 9]),
      })
      const { data } = randomTensor(next, [2, 14])
      const positionBias = new Tensor({
        dtype: 'float32',
        data,
        shape: [1, 2, 6, 9],
        stride: [28, 14, -1, 1],
        offset: 5,
      })
      await check('steps back', { ...inputs, scale: 1, positionBias })
    })
  })

  test('softmax, log-softmax, norms and activations on rows of any width', async () => {
    const next = randomNumbers(9)
    for (const width of [1, 2, 3, 4, 5, 8, 31, 64, 1000]) {
      const x = randomTensor(next, [3, 2, width], 10)
      const [weight, bias] = [randomTensor(next, [width]), randomTensor(next, [width])]
      await same(`softmax ${width}`, (_, kernels) => kernels.softmax(x))
      await same(`logSoftmax ${width}`, (_, kernels) => kernels.logSoftmax(x))
      await same(`rmsNorm ${width}`, (_, kernels) => kernels.rmsNorm(x, weight, 1e-6))
      if (width > 1) await same(`layerNorm ${width}`, (_, kernels) => kernels.layerNorm(x, weight, bias, 1e-5))
      for (const activation of ACTIVATIONS) {
        if (activation) await same(`${activation} ${width}`, (_, kernels) => kernels.activate(x, activation))
      }
    }
    const hostile = Tensor.float32([-Infinity, 0, MASKED, 88, 1e30, -1e30, 3, 3], [2, 4])
    await same('softmax of hostile numbers', (_, kernels) => kernels.softmax(hostile))
    await same('softmax of nothing but -Infinity', (_, kernels) =>
      kernels.softmax(Tensor.float32([-Infinity, -Infinity])),
    )
  })

  test('sums and products, with a repeated or an oddly broadcast second operand', async () => {
    const next = randomNumbers(10)
    const a = randomTensor(next, [2, 3, 7])
    for (const b of [[2, 3, 7], [7], [3, 7], [2, 1, 7], [1], [4, 2, 3, 7]].map((shape) => randomTensor(next, shape))) {
      await same(`add ${b.shape.join('x')}`, (_, kernels) => kernels.add(a, b))
      await same(`multiply ${b.shape.join('x')}`, (_, kernels) => kernels.multiply(a, b))
    }
    await same('views', (_, kernels) => kernels.add(a.transpose(2, 0, 1), randomTensor(randomNumbers(1), [7, 2, 3])))
    await same('scale', (_, kernels) => kernels.scale(a.slice(2, 1, 6), 0.3))
  })

  test('gather from row-major and from packed tables, in every dtype', async () => {
    const next = randomNumbers(11)
    const ids = Tensor.int32([0, 18, 3, 3, 7, 8], [2, 3])
    for (const dtype of ['float32', 'float16', 'bfloat16'] as const) {
      const table = randomTensor(next, [19, 13]).to(dtype)
      for (const use of ['gather', 'both'] as const) {
        await same(`${dtype} ${use}`, (one, kernels) => kernels.gather(one.pack(table, { use }), ids), {
          abs: 0,
          rel: 0,
        })
      }
    }
    const table = backend.pack(Tensor.zeros('float32', [4, 3]), { use: 'gather' })
    const outside = backend.run(async ({ kernels }) => kernels.gather(table, Tensor.int32([4], [1, 1])))
    await expect(outside).rejects.toThrow('id 4 is outside the table of 4 rows')
  })

  test('rotary positions', async () => {
    const next = randomNumbers(12)
    for (const [headDim, items] of [
      [8, 1],
      [12, 2],
      [64, 1],
    ]) {
      const x = randomTensor(next, [2, 5, 3, headDim]).transpose(0, 2, 1, 3) // [batch, heads, seq, headDim]
      const positions = Tensor.int32(
        Array.from({ length: items * 5 }, (_, i) => i * 3),
        [items, 5],
      )
      const table = rotaryTable(positions, rotaryFrequencies(headDim, 10000))
      await same(`rotate ${headDim}`, (_, kernels) => kernels.rotate(x, table))
    }
  })

  test('copyInto writes a view of the backend’s memory', async () => {
    const next = randomNumbers(13)
    const source = randomTensor(next, [2, 3, 4, 5]).transpose(0, 2, 1, 3) // [2, 4, 3, 5]
    const held = backend.allocate([2, 4, 6, 5])
    await backend.run(async ({ kernels }) => kernels.copyInto(held.slice(2, 2, 5), source))
    expect(held.slice(2, 2, 5).toArray()).toEqual(source.toArray())
    expect(held.slice(2, 0, 2).toArray()).toEqual(new Array(80).fill(0))
    backend.free(held)
  })

  test('a scope keeps its result and nothing else, also when passes overlap', async () => {
    const next = randomNumbers(14)
    const x = randomTensor(next, [40, 64])
    const weight = backend.pack(randomTensor(next, [64, 64], 0.2), { use: 'linear' })
    const layers = (count: number) =>
      backend.run(async ({ kernels, keep }) => {
        let y = kernels.scale(x, 1)
        for (let i = 0; i < count; i++) {
          y = await kernels.scope(y, async (y, kernels) => kernels.add(y, await kernels.linear(y, weight, 'tanh')))
          await Promise.resolve()
        }
        return keep(y)
      })
    const alone = await layers(6)
    const together = await Promise.all([layers(6), layers(3), layers(6)])
    expect(together[0].toArray()).toEqual(alone.toArray())
    expect(together[2].toArray()).toEqual(alone.toArray())
  })
})
