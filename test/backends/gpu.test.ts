import { describe, expect, onTestFinished, test } from 'vitest'
import {
  gpuBackend,
  referenceBackend,
  type GpuBackend,
  type GpuJsModule,
  type GpuMode,
  type GpuOptions,
} from '../../src/backends/index.js'
import { GlassformerError } from '../../src/errors.js'
import { BertModel } from '../../src/models/index.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { goldenPath } from '../support/goldens.js'
import { compareKernels } from '../support/hostile-kernels.js'
import { randomNumbers, randomTensor } from '../support/random.js'

const INPUTS = { inputIds: [[5, 6, 7]] }

describe('the GPU backend in Node', () => {
  async function start(mode: GpuMode = 'cpu', options: GpuOptions = {}): Promise<GpuBackend> {
    const backend = await gpuBackend({ mode, ...options })
    onTestFinished(() => backend.dispose())
    return backend
  }

  test.each(['cpu', 'webasm'] as const)('%s: hostile numbers and sizes', async (mode) => {
    const { compared, differences } = await compareKernels(await start(mode), referenceBackend())
    expect(differences).toEqual([])
    expect(compared).toBeGreaterThan(70)
  })

  test.each([
    ['webgl2', 'WebGL 2 is for pages'],
    ['webgl', 'WebGL is for pages'],
    ['webgpu', 'navigator.gpu is missing'],
  ] as const)('%s is refused with the reason', async (mode, reason) => {
    await expect(start(mode)).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining(reason) })
    await expect(start('cuda' as GpuMode)).rejects.toMatchObject({ code: 'bad-option' })
  })

  test('describe names the mode and what computes', async () => {
    expect((await start('cpu')).describe()).toBe('gpu (cpu: JavaScript, no GPU)')
    const gpuJs = (await import('gpu.js')) as unknown as GpuJsModule
    expect((await start('webasm', { gpuJs })).describe()).toBe('gpu (webasm: WebAssembly, no GPU)')
  })

  test('a kernel is compiled once, whatever the sizes', async () => {
    const backend = await start()
    const model = await BertModel.fromPretrained(goldenPath('bert/base'), { backend })
    await model.forward({ inputIds: [[5, 6]] })
    await model.forward({ inputIds: [[5, 6, 7], [7, 8, 9]] }) // prettier-ignore
    const compiled = backend.kernelSources().length
    for (let length = 4; length < 12; length++) await model.forward({ inputIds: [new Array<number>(length).fill(5)] })
    expect(backend.kernelSources()).toHaveLength(compiled)
    const [{ source, generated, launches }] = backend.kernelSources().filter(({ name }) => name === 'linear.gelu')
    expect(launches).toBe(10 * model.config.numHiddenLayers)
    expect(source).toContain('gelu(value)')
    expect(generated).toContain('for (')
    model.dispose()
  })

  test('a weight that one array cannot hold is split; a result that none can hold is refused', async () => {
    const backend = await start('cpu', { maxElements: 1000 })
    const next = randomNumbers(2)
    const [x, weight, bias] = [randomTensor(next, [3, 40]), randomTensor(next, [90, 40]), randomTensor(next, [90])]
    const ids = Tensor.int32([0, 89, 44])
    const results: Float[][] = []
    for (const one of [backend, referenceBackend()]) {
      const packed = one.pack(weight, { use: 'both', bias })
      results.push(
        await one.run(async ({ kernels, keep }) => [
          keep(await kernels.linear(x, packed, 'tanh')),
          kernels.gather(packed, ids),
        ]),
      )
    }
    results[0][0].toArray().forEach((value, i) => expect(value).toBeCloseTo(results[1][0].toArray()[i], 5))
    expect(results[0][1].toArray()).toEqual(results[1][1].toArray())

    const packed = backend.pack(weight, { use: 'linear' })
    const tooMany = backend.run(({ kernels }) => kernels.linear(randomTensor(next, [20, 40]), packed))
    await expect(tooMany).rejects.toMatchObject({ code: 'too-large' })
  })

  test('a tensor that outlives its pass without keep is an error and not zeros', async () => {
    const backend = await start()
    const x = await backend.run(async ({ kernels }) => kernels.scale(Tensor.float32([1, 2]), 2))
    expect(() => x.toArray()).toThrow(GlassformerError)
  })

  test('a hook may write into the tensor that it is lent', async () => {
    const backend = await start()
    const zero = { 'encoder.0.self_attention.out': (tensor: Tensor<'float32'>) => void tensor.data.fill(0) }
    const outputs: number[][] = []
    for (const one of [backend, referenceBackend()]) {
      const model = await BertModel.fromPretrained(goldenPath('bert/base'), { backend: one })
      outputs.push((await model.forward(INPUTS, { hooks: zero })).lastHiddenState.toArray())
    }
    outputs[0].forEach((value, i) => expect(value).toBeCloseTo(outputs[1][i], 4))
  })
})
