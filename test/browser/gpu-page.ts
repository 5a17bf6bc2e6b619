/**
 * What gpu.test.ts asks of a page besides the checks of page.ts. Bundled and minified, with gpu.js in it.
 */
import {
  BertModel,
  gpuBackend,
  referenceBackend,
  T5ForConditionalGeneration,
  Tensor,
  type GpuMode,
  type GpuOptions,
  type Hooks,
  type TextInputs,
} from 'glassformer'
import { compareKernels } from '../support/hostile-kernels.js'
import { checks } from './page.js'

const MODEL = '/test/goldens/bert/base'
const INPUTS = { inputIds: [[5, 6, 7]] }

/** What opens a graphics context or device, so that it can be taken away again. */
const lose: (() => void)[] = []
const getContext = HTMLCanvasElement.prototype.getContext as (
  this: HTMLCanvasElement,
  ...args: unknown[]
) => RenderingContext | null
HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, ...args: unknown[]) {
  const context = getContext.apply(this, args)
  const extension =
    context && 'getExtension' in context
      ? (context.getExtension('WEBGL_lose_context') as WEBGL_lose_context | null)
      : undefined
  if (extension) lose.push(() => extension.loseContext())
  return context
} as typeof HTMLCanvasElement.prototype.getContext

/** Graphics memory that was taken and not given back: textures, framebuffers, buffers. */
const live = { objects: 0 }
for (const owner of [WebGL2RenderingContext.prototype, WebGLRenderingContext.prototype] as unknown as Record<
  string,
  (...args: unknown[]) => unknown
>[]) {
  for (const what of ['Texture', 'Framebuffer', 'Buffer']) {
    const [create, destroy] = [owner[`create${what}`], owner[`delete${what}`]]
    owner[`create${what}`] = function (...args) {
      live.objects++
      return create.apply(this, args)
    }
    owner[`delete${what}`] = function (...args) {
      if (args[0]) live.objects--
      return destroy.apply(this, args)
    }
  }
}
interface DeviceLike {
  createBuffer(options: object): { destroy(): void }
  destroy(): void
}
const { GPUAdapter } = globalThis as {
  GPUAdapter?: { prototype: { requestDevice(options: object): Promise<DeviceLike> } }
}
if (GPUAdapter) {
  const { requestDevice } = GPUAdapter.prototype
  GPUAdapter.prototype.requestDevice = async function (options) {
    const device = await requestDevice.call(this, options)
    const createBuffer = device.createBuffer.bind(device)
    device.createBuffer = (options) => {
      const buffer = createBuffer(options)
      const destroy = buffer.destroy.bind(buffer)
      live.objects++
      buffer.destroy = () => {
        live.objects--
        destroy()
      }
      return buffer
    }
    lose.push(() => device.destroy())
    return device
  }
}

async function statesOf(model: BertModel, hooks?: Hooks): Promise<number[]> {
  return (await model.forward(INPUTS, { hooks })).lastHiddenState.toArray()
}

const codeOf = (error: unknown) => (error as { code?: string }).code ?? String(error)

/** The mode that runs; why none does, where none does. */
async function describeGpu(options: GpuOptions): Promise<string> {
  try {
    const backend = await gpuBackend(options)
    backend.dispose()
    return backend.describe()
  } catch (error) {
    return `${codeOf(error)}: ${(error as Error).message}`
  }
}

/** The same from a task of the page's own: what a test calls at once may compile code whatever the policy says. */
function describeLater(options: GpuOptions): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve(describeGpu(options))))
}

async function compareHostile(mode: GpuMode) {
  const backend = await gpuBackend({ mode })
  const result = await compareKernels(backend, referenceBackend())
  backend.dispose()
  return result
}

/** Graphics memory after the first passes and after all of them. */
async function countLeaks(mode: GpuMode, passes: number) {
  const backend = await gpuBackend({ mode })
  const model = await BertModel.fromPretrained(MODEL, { backend })
  const counts: { readonly arrays: number; readonly objects: number }[] = []
  for (let pass = 1; pass <= passes; pass++) {
    await statesOf(model)
    if (pass === 3 || pass === passes) counts.push({ arrays: backend.liveArrays, objects: live.objects })
  }
  model.dispose()
  backend.dispose()
  return counts
}

/** Takes the device away before a pass and in one, and goes on with a new backend. */
async function loseDevice(mode: GpuMode) {
  const errors: string[] = []
  const loseAll = async () => {
    for (const one of lose.splice(0)) one()
    await new Promise((resolve) => setTimeout(resolve, 100)) // WebGPU tells it in a promise
  }
  const start = async () => BertModel.fromPretrained(MODEL, { backend: await gpuBackend({ mode }) })
  for (const hooks of [undefined, { 'encoder.0.self_attention.q': loseAll }]) {
    const model = await start()
    await statesOf(model)
    if (!hooks) await loseAll()
    errors.push(await statesOf(model, hooks).then(() => 'none', codeOf))
    model.dispose()
    model.backend.dispose()
  }
  const model = await start()
  return {
    errors,
    states: await statesOf(model),
    wanted: await statesOf(await BertModel.fromPretrained(MODEL, { backend: referenceBackend() })),
  }
}

/** Two backends at the same time, and one of them after the other was disposed. */
async function runTwo(modes: readonly [GpuMode, GpuMode]) {
  const models = await Promise.all(
    modes.map(async (mode) => BertModel.fromPretrained(MODEL, { backend: await gpuBackend({ mode }) })),
  )
  const [first, second] = await Promise.all(models.map((model) => statesOf(model)))
  models[0].backend.dispose()
  await new Promise((resolve) => setTimeout(resolve, 100))
  return [
    first,
    second,
    await statesOf(models[1]),
    await statesOf(await BertModel.fromPretrained(MODEL, { backend: referenceBackend() })),
  ]
}

/** Reads of the graphics card in a pass that nobody watches, and the tensors that it gives. */
async function countReads(): Promise<{ reads: number; results: number }> {
  let reads = 0
  const { readPixels } = WebGL2RenderingContext.prototype
  const model = await BertModel.fromPretrained(MODEL, { backend: await gpuBackend({ mode: 'webgl2' }) })
  WebGL2RenderingContext.prototype.readPixels = function (this: WebGL2RenderingContext, ...args: unknown[]) {
    reads++
    return (readPixels as (...args: unknown[]) => void).apply(this, args)
  } as typeof readPixels
  const output = await model.forward(INPUTS)
  const results = Object.values(output).filter((value) => value instanceof Tensor)
  for (const tensor of results) tensor.toArray()
  return { reads, results: results.length }
}

/** Greedy ids, which a decoder with its cache writes. */
async function generate(mode: GpuMode, inputs: TextInputs, maxNewTokens: number) {
  const model = await T5ForConditionalGeneration.fromPretrained('/test/goldens/t5/gated-tied', {
    backend: await gpuBackend({ mode }),
  })
  return (await model.generate(inputs, { maxNewTokens })).sequences
}

/** Sources of a few kernels. */
async function kernelTexts(mode: GpuMode): Promise<readonly (string | undefined)[]> {
  const backend = await gpuBackend({ mode })
  await statesOf(await BertModel.fromPretrained(MODEL, { backend }))
  return backend.kernelSources().map(({ generated }) => generated)
}

export const gpuChecks = {
  describeGpu,
  describeLater,
  compareHostile,
  countLeaks,
  loseDevice,
  runTwo,
  countReads,
  generate,
  kernelTexts,
}
export type GpuChecks = typeof gpuChecks
declare global {
  /** For the functions that run in the page. */
  var gpuChecks: GpuChecks
}
Object.assign(globalThis, { checks, gpuChecks })
