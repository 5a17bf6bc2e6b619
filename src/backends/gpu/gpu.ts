/**
 * The GPU backend: kernels that gpu.js translates for WebGPU, WebGL or, where there is no GPU, WebAssembly and JavaScript. A pass stays on the
 * device; what is kept of it, or watched by a hook, is read back.
 */
import { GlassformerError } from '../../errors.js'
import type { Float, QuantizedMatrix } from '../../tensor/ops/index.js'
import { sizeOf, type Shape } from '../../tensor/shape.js'
import { Tensor } from '../../tensor/tensor.js'
import type { Backend, BackendPass, PackedMatrix, PackOptions } from '../backend.js'
import { referenceBackend } from '../reference/reference.js'
import { Arena } from './arena.js'
import { Device, type CompiledSource } from './device.js'
import { DeviceArray } from './device-array.js'
import { largestBuffer, loadGpuJs, obstacleOf, type GpuJs, type GpuJsModule, type GpuMode } from './gpu-js.js'
import { scale } from './kernels/elementwise.js'
import { arrayOf, GpuKernels } from './kernels.js'
import { GpuMatrix } from './packed.js'

export interface GpuOptions {
  /** Where kernels run. By default the first of webgl2, webgpu, webgl, headlessgl and webasm that this platform has. */
  readonly mode?: GpuMode
  /** gpu.js itself, where `import('gpu.js')` does not find it, as in a page without a bundler. */
  readonly gpuJs?: GpuJsModule
  /** Numbers that one array on the device holds at most; what the device allows, unless told. Larger weights are split. */
  readonly maxElements?: number
}

/** In the order in which they are tried. WebGL 2 comes first, since its kernels work on four numbers at once. */
const MODES: readonly GpuMode[] = ['webgl2', 'webgpu', 'webgl', 'headlessgl', 'webasm', 'cpu']

export async function startGpuBackend({ mode, gpuJs: given, maxElements }: GpuOptions): Promise<GpuBackend> {
  if (mode !== undefined && !MODES.includes(mode)) {
    throw new GlassformerError('bad-option', `gpu: mode is "${mode}", expected ${MODES.join(', ')}`)
  }
  const gpuJs = await loadGpuJs(given)
  const device = await openDevice(gpuJs, mode, maxElements)
  try {
    const backend = new GpuBackend(device)
    await checkNumbers(device)
    return backend
  } catch (error) {
    device.dispose()
    if (error instanceof GlassformerError) throw error
    // gpu.js asks once what there is; a browser may refuse a context all the same, as after several lost ones
    const message = `gpu: gpu.js cannot start ${device.mode} here (${(error as Error).message})`
    throw new GlassformerError('unsupported', message, { cause: error })
  }
}

async function openDevice(gpuJs: GpuJs, mode: GpuMode | undefined, maxElements: number | undefined): Promise<Device> {
  const obstacles: string[] = []
  for (const tried of mode === undefined ? MODES : [mode]) {
    const obstacle = await obstacleOf(gpuJs, tried)
    if (obstacle === undefined) {
      if (mode === undefined && (tried === 'webasm' || tried === 'cpu')) {
        console.warn(
          `glassformer: no GPU here (${obstacles.join('; ')}); gpu.js runs as ${tried}, slower than the wasm backend`,
        )
      }
      return new Device(gpuJs, tried, maxElements ?? (tried === 'webgpu' ? await largestBuffer() : undefined))
    }
    obstacles.push(`${tried}: ${obstacle}`)
  }
  throw new GlassformerError('unsupported', `gpu: ${obstacles.join('; ')}`)
}

/** Numbers that go through a kernel unchanged wherever float32 is kept: an odd integer of 24 bits, a third, a large and a small one. */
const PROBE = Float32Array.of(16777215, 1 / 3, -1e37, 1e-30, 0, -1)

/** @throws GlassformerError `unsupported` where the device does not keep float32 */
async function checkNumbers(device: Device): Promise<void> {
  const uploaded = device.upload(PROBE.slice())
  const size = { rows: 1, columns: PROBE.length }
  const through = device.launch(scale, size, [uploaded, 0, 0, 0, 0, 1, 1, 1, 1])
  const back = await device.read(through, PROBE.length)
  device.release(uploaded)
  device.release(through)
  const wrong = PROBE.findIndex((value, i) => Math.abs(back[i] - value) > Math.abs(value) * 2 ** -22)
  if (wrong < 0) return
  throw new GlassformerError(
    'unsupported',
    `gpu: ${device.mode} gives ${back[wrong]} for ${PROBE[wrong]}: it does not keep float32 here`,
  )
}

export class GpuBackend implements Backend {
  readonly name = 'gpu'
  readonly #device: Device
  #isDisposed = false

  constructor(device: Device) {
    this.#device = device
  }

  describe(): string {
    const { mode, renderer, hasFloatTextures } = this.#device
    const packed = hasFloatTextures ? '' : '; no float32 textures, so numbers are packed into bytes'
    return `gpu (${mode}: ${renderer}${packed})`
  }

  /** Arrays held on the device: weights, and what passes that run have made. */
  get liveArrays(): number {
    return this.#device.liveArrays
  }

  /** The kernels that were compiled so far: what was written, and what gpu.js made of it for the device. */
  kernelSources(): readonly CompiledSource[] {
    return this.#device.sources()
  }

  pack(weight: Tensor, options: PackOptions): PackedMatrix {
    return new GpuMatrix(this.#device, weight, options)
  }

  unpack(matrix: PackedMatrix, first: number, end: number): QuantizedMatrix {
    if (!(matrix instanceof GpuMatrix && matrix.reference)) throw new TypeError('unpack: the matrix is not of int8')
    return referenceBackend().unpack(matrix.reference, first, end)
  }

  allocate(shape: Shape): Float {
    const size = sizeOf(shape)
    const array = new DeviceArray(this.#device, size, { here: new Float32Array(size), shape })
    return new Tensor({ dtype: 'float32', data: array, shape })
  }

  free(held: PackedMatrix | Float): void {
    if (held instanceof GpuMatrix) held.free()
    else arrayOf(held as Float)?.free()
  }

  /** @throws GlassformerError `device-lost` */
  async run<T>(part: (pass: BackendPass) => Promise<T>): Promise<T> {
    this.#device.checkAlive()
    const arena = new Arena()
    try {
      const result = await part({
        kernels: new GpuKernels(this.#device, arena),
        keep: (tensor) => {
          const array = arrayOf(tensor)
          if (array) arena.kept.add(array)
          return tensor
        },
      })
      for (const array of arena.kept) await array.fetch()
      return result
    } finally {
      arena.end()
      for (const array of arena.kept) array.free()
    }
  }

  dispose(): void {
    if (!this.#isDisposed) this.#device.dispose()
    this.#isDisposed = true
  }
}
