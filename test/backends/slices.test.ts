import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { referenceBackend, wasmBackend, type Backend, type Kernels } from '../../src/backends/index.js'
import { ThreadPool } from '../../src/backends/wasm/pool.js'
import { AbortedError } from '../../src/errors.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { expectClose } from '../support/goldens.js'
import { randomNumbers, randomTensor } from '../support/random.js'

/** Sums of k products of numbers up to 1 differ by the order of their additions. */
const TOLERANCE = { abs: 5e-5, rel: 5e-5 }

const next = randomNumbers(1)

/** Each takes more than two slices on one thread. */
const LONG: Readonly<Record<string, (backend: Backend, kernels: Kernels) => Promise<Float>>> = {
  linear: (backend, kernels) =>
    kernels.linear(Tensor.zeros('float32', [2048, 1024]), packed(backend, { use: 'linear' })),
  'linear of int8': (backend, kernels) =>
    kernels.linear(Tensor.zeros('float32', [8192, 1024]), packed(backend, { use: 'linear', dtype: 'int8' })),
  'matmul of one large pair': (_, kernels) =>
    kernels.matmul(Tensor.zeros('float32', [2048, 1024]), Tensor.zeros('float32', [1024, 1024])),
  'matmul of many': (_, kernels) =>
    kernels.matmul(Tensor.zeros('float32', [32, 512, 256]), Tensor.zeros('float32', [32, 256, 512])),
  'attention of one head': (_, kernels) => attend(kernels, 1, 3072),
  'attention of many heads': (_, kernels) => attend(kernels, 32, 1024),
}

function packed(backend: Backend, options: Parameters<Backend['pack']>[1]) {
  return backend.pack(Tensor.zeros('float32', [1024, 1024]), options)
}

function attend(kernels: Kernels, heads: number, length: number): Promise<Float> {
  const x = Tensor.zeros('float32', [1, heads, length, 64])
  return kernels.attention({ query: x, key: x, value: x, scale: 1, causal: true })
}

afterEach(() => vi.restoreAllMocks())

describe.each([1, 2])('a kernel that computes for long, on %i threads', (threads) => {
  test.each(Object.entries(LONG))('%s stops where the signal fires, and not at its end', async (_, compute) => {
    const backend = await wasmBackend({ threads })
    onTestFinished(() => backend.dispose())
    const jobs = vi.spyOn(ThreadPool.prototype, 'run')
    await backend.run(({ kernels }) => compute(backend, kernels).then(() => undefined))
    expect(jobs.mock.calls.length).toBeGreaterThan(1)
    jobs.mockClear()

    const controller = new AbortController()
    const run = ThreadPool.prototype.run
    jobs.mockImplementation(function (this: ThreadPool, ...job) {
      controller.abort()
      jobs.mockRestore()
      return run.apply(this, job)
    })
    const after = vi.fn()
    const ended = backend.run(({ kernels }) => compute(backend, kernels).then(after), { signal: controller.signal })
    await expect(ended).rejects.toThrow(AbortedError)
    expect(after).not.toHaveBeenCalled()
  })
})

describe('a kernel in slices gives what the reference gives', () => {
  async function same(run: (backend: Backend, kernels: Kernels) => Promise<Float>): Promise<void> {
    const fast = await wasmBackend({ threads: 2 })
    onTestFinished(() => fast.dispose())
    const jobs = vi.spyOn(ThreadPool.prototype, 'run')
    const results: Float[] = []
    for (const one of [fast, referenceBackend()])
      results.push(await one.run(async ({ kernels, keep }) => keep(await run(one, kernels))))
    expect(jobs.mock.calls.length).toBeGreaterThan(1)
    expectClose(results[0], results[1], TOLERANCE, 'the product')
  }

  test('linear: the last slice is shorter', async () => {
    const [x, weight] = [randomTensor(next, [1001, 768]), randomTensor(next, [901, 768])]
    await same((backend, kernels) => kernels.linear(x, backend.pack(weight, { use: 'linear' }), 'gelu'))
  })

  test('matmul: rows of one item, and a second item that is broadcast', async () => {
    const [a, b] = [randomTensor(next, [2, 1300, 500]), randomTensor(next, [500, 500])]
    await same((_, kernels) => kernels.matmul(a, b))
  })

  test.each([
    ['with a bias and a mask', false, true],
    ['that sees no future', true, false],
    ['that sees no future, with a mask', true, true],
  ])('attention %s', async (_, causal, masked) => {
    const [queries, keys, headDim] = [1100, 1150, 128]
    const query = randomTensor(next, [1, 2, queries, headDim])
    const [key, value] = [1, 2].map(() => randomTensor(next, [1, 1, keys, headDim]))
    const positionBias = randomTensor(next, [1, 2, queries, keys])
    const mask = masked ? Tensor.float32(hidden(keys), [1, 1, 1, keys]) : undefined
    await same((_, kernels) => kernels.attention({ query, key, value, scale: 0.1, causal, positionBias, mask }))
  })
})

/** The last three keys are padding. */
function hidden(keys: number): Float32Array {
  return Float32Array.from({ length: keys }, (_, i) => (i < keys - 3 ? 0 : -3.4028234663852886e38))
}
