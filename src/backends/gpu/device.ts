/**
 * What gpu.js runs on: compiles each kernel once, launches it on arrays that stay where they are, and brings results here. With WebGPU all of
 * this happens in promises; they form one chain, so that kernels run, and memory is given back, in the order of the calls.
 */
import { GlassformerError } from '../../errors.js'
import { upload } from './kernels/elementwise.js'
import { functionsOf, LARGEST_ROW, type KernelSource, type ParameterType } from './kernels/source.js'
import type { GpuFeatures, GpuJs, GpuJsInstance, GpuJsKernel, GpuMode, Resident } from './gpu-js.js'

/** Numbers on the device: a texture or buffer, or with `webasm` and `cpu` an array here. */
export type Handle = Resident | Float32Array | Promise<Resident>

export type Argument = Handle | number

export interface CompiledSource {
  /** Name of the kernel; one may be compiled for several kinds of result. */
  readonly name: string
  /** What was written. */
  readonly source: string
  /** What gpu.js made of it: GLSL, WGSL, JavaScript. Undefined for WebAssembly, which has no text. */
  readonly generated: string | undefined
  /** How often it was launched so far. */
  readonly launches: number
}

/** What a kernel is compiled for. */
interface ShapeClass {
  readonly name: string
  /** How often its loops run at most. */
  readonly loop: number
}

interface Compiled {
  readonly kernel: GpuJsKernel
  readonly source: string
}

/** WebGL 1 wants to know how often a loop runs at most: a power of two from here on is a class of its own. */
const SMALLEST_LOOP = 256
const ANY_LOOP = 2 ** 24
/** Sizes for which gpu.js keeps a compiled WebAssembly module. */
const WEBASM_SIZES = 64

export class Device {
  readonly mode: GpuMode
  /** Whether numbers lie where JavaScript does not see them. */
  readonly isRemote: boolean
  /** Whether results of four numbers may be chained, as in WebGL with float32 textures. */
  readonly hasQuads: boolean
  /** Whether float32 lies in textures as such; else gpu.js packs it into four bytes. */
  readonly hasFloatTextures: boolean
  /** Elements of an array, at most. */
  readonly maxElements: number
  readonly #gpuJs: GpuJs
  readonly #gpu: GpuJsInstance
  readonly #compiled = new Map<string, Compiled>()
  readonly #launches = new Map<string, number>()
  readonly #isGL: boolean
  #live = 0
  #tail: Promise<unknown> = Promise.resolve()
  #zero: Handle | undefined

  constructor(gpuJs: GpuJs, mode: GpuMode, maxElements: number | undefined) {
    this.mode = mode
    this.#gpuJs = gpuJs
    this.#gpu = new gpuJs.GPU({ mode })
    this.#isGL = mode === 'webgl2' || mode === 'webgl' || mode === 'headlessgl'
    this.isRemote = this.#isGL || mode === 'webgpu'
    const features = this.#isGL ? this.#features() : undefined
    if (features?.highFloatPrecision && features.highFloatPrecision.precision < 23) {
      throw new GlassformerError(
        'unsupported',
        `gpu: ${mode} computes with ${features.highFloatPrecision.precision} bits here, not in float32`,
      )
    }
    this.hasFloatTextures = features?.isFloatRead ?? true
    this.hasQuads = this.#isGL && this.hasFloatTextures
    this.maxElements = maxElements ?? (features ? features.maxTextureSize ** 2 : Infinity)
  }

  /** Arrays that are held on the device. */
  get liveArrays(): number {
    return this.#live
  }

  /** A single 0. */
  get zero(): Handle {
    return (this.#zero ??= this.upload(new Float32Array(1)))
  }

  /** Runs a kernel for a result [rows, columns]. */
  launch(
    source: KernelSource,
    { rows, columns }: { rows: number; columns: number },
    args: readonly Argument[],
  ): Handle {
    this.#checkSize(source.name, rows, columns)
    const shapeClass = this.#classOf(source, rows === 1, args)
    this.#launches.set(shapeClass.name, (this.#launches.get(shapeClass.name) ?? 0) + 1)
    const call = (ready: readonly (Resident | Argument)[]) => this.#call(source, shapeClass, { rows, columns }, ready)
    const result =
      this.mode === 'webgpu'
        ? this.#enqueue(async () => (await call(await Promise.all(args))) as Resident)
        : this.#guard(() => call(args) as Handle)
    this.#live++
    return result
  }

  /** Puts numbers on the device. The array may be changed afterwards, unless it is where the device keeps them. */
  upload(numbers: Float32Array): Handle {
    if (!this.isRemote) {
      this.#live++
      return numbers
    }
    const size = { rows: 1, columns: numbers.length }
    if (this.#isGL) return this.launch(upload, size, [this.#gpuJs.input(numbers, [numbers.length]) as Float32Array])
    return this.launch(upload, size, [numbers.slice()])
  }

  /** @throws GlassformerError `not-fetched` where it takes a promise, `device-lost` */
  readNow(handle: Handle, length: number): Float32Array {
    if (handle instanceof Float32Array) return handle
    if (handle instanceof Promise) {
      throw new GlassformerError(
        'not-fetched',
        'gpu: WebGPU gives numbers in promises only; read a tensor in a hook or after the pass, or "await kernels.fetch(tensor)" first',
      )
    }
    return this.#guard(() => flatten(handle.toArray(), length))
  }

  /** @throws GlassformerError `device-lost` */
  async read(handle: Handle, length: number): Promise<Float32Array> {
    if (!(handle instanceof Promise)) return this.readNow(handle, length)
    const resident = await handle
    return this.#guardAsync(async () => flatten(await resident.toArray(), length))
  }

  /** Gives the memory of an array back. */
  release(handle: Handle): void {
    this.#live--
    if (handle instanceof Float32Array) return
    if (handle instanceof Promise) {
      this.#tail = this.#tail.then(async () => (await handle).delete()).catch(() => undefined)
    } else if (!this.isLost) handle.delete()
  }

  /** Whether the device has gone, as when a driver is restarted or a page holds too many contexts. */
  get isLost(): boolean {
    const context = this.#context as { isContextLost?: () => boolean; isLost?: boolean } | undefined | null
    return context?.isContextLost?.() ?? context?.isLost ?? false
  }

  /** @throws GlassformerError `device-lost` */
  checkAlive(cause?: unknown): void {
    if (!this.isLost) return
    const advice = 'dispose the backend and what was loaded on it, and create them anew'
    throw new GlassformerError('device-lost', `gpu: the ${this.mode} device was lost; ${advice}`, { cause })
  }

  /** What computes: the renderer of WebGL, the adapter of WebGPU. */
  get renderer(): string {
    if (this.mode === 'cpu') return 'JavaScript, no GPU'
    if (this.mode === 'webasm') return 'WebAssembly, no GPU'
    if (this.mode === 'webgpu') {
      const { adapter } = this.#context as {
        adapter: { info?: { vendor?: string; architecture?: string; description?: string } }
      }
      const { vendor, architecture, description } = adapter.info ?? {}
      return [vendor, architecture, description].filter((part) => part).join(' ') || 'an adapter without a name'
    }
    const gl = this.#context as WebGLRenderingContext
    const info = gl.getExtension('WEBGL_debug_renderer_info')
    return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER))
  }

  /** The kernels that were compiled so far. */
  sources(): CompiledSource[] {
    return [...this.#compiled].map(
      ([
        name,
        {
          kernel: { kernel },
          source,
        },
      ]) => ({
        name,
        source,
        generated: kernel.compiledFragmentShader ?? kernel.compiledSource ?? kernel._kernelString ?? undefined,
        launches: this.#launches.get(name) ?? 0,
      }),
    )
  }

  dispose(): void {
    const destroy = () => void this.#gpu.destroy().catch(() => undefined)
    if (this.mode === 'webgpu') void this.#tail.then(destroy)
    else destroy()
  }

  get #context(): unknown {
    for (const { kernel } of this.#compiled.values()) if (kernel.kernel.context) return kernel.kernel.context
    return undefined
  }

  #features(): GpuFeatures {
    const shapeClass = this.#classOf(upload, true, [new Float32Array(1)])
    return this.#compile(upload, shapeClass, true).kernel.kernel.constructor.features!
  }

  #classOf({ name, parameters }: KernelSource, isRow: boolean, args: readonly unknown[]): ShapeClass {
    const types = Object.values(parameters)
    const longest = Math.max(SMALLEST_LOOP, ...args.filter((_, i): _ is number => types[i] === 'count').map(Number))
    const loop = this.mode === 'webgl' || this.mode === 'headlessgl' ? 2 ** Math.ceil(Math.log2(longest)) : ANY_LOOP
    const parts = [name, !this.#isGL && isRow ? 'one row' : '', loop === ANY_LOOP ? '' : `loops of ${loop}`]
    return { name: parts.filter((part) => part !== '').join(', '), loop }
  }

  #compile({ name, parameters, body }: KernelSource, { name: key, loop }: ShapeClass, isRow: boolean): Compiled {
    const known = this.#compiled.get(key)
    if (known) return known
    // A texture of two axes must not be wider than the device's limit; one of three is laid out as a square.
    const text = this.#isGL ? body.replaceAll('this.thread.y', 'this.thread.z') : body
    const source = `function (${Object.keys(parameters).join(', ')}) {${text}\n}`
    const kernel = this.#gpu.createKernel(source, {
      output: this.#output(1, 1, isRow),
      argumentTypes: Object.fromEntries(
        Object.entries(parameters).map(([parameter, type]) => [parameter, this.#typeOf(type, name === upload.name)]),
      ),
      functions: functionsOf(body),
      dynamicOutput: true,
      dynamicArguments: true,
      pipeline: true,
      immutable: true,
      strictIntegers: true,
      tactic: 'precision',
      loopMaxIterations: loop,
    })
    if (this.mode === 'webasm') kernel.kernel.moduleCacheLimit = WEBASM_SIZES
    const compiled = { kernel, source }
    this.#compiled.set(key, compiled)
    return compiled
  }

  #call(
    source: KernelSource,
    shapeClass: ShapeClass,
    { rows, columns }: { rows: number; columns: number },
    args: readonly (Resident | Argument)[],
  ): unknown {
    const { kernel } = this.#compile(source, shapeClass, rows === 1)
    kernel.setOutput(this.#output(rows, columns, rows === 1))
    const result = kernel(...args)
    const { constructor, fallbackReason } = kernel.kernel
    if (fallbackReason)
      throw new GlassformerError(
        'unsupported',
        `gpu: gpu.js left ${this.mode} for ${constructor.mode}: ${fallbackReason}`,
      )
    return this.isRemote ? result : flatten(result, rows * columns)
  }

  #output(rows: number, columns: number, isRow: boolean): number[] {
    if (this.#isGL) return [columns, 1, rows]
    return isRow ? [columns] : [columns, rows]
  }

  #typeOf(type: ParameterType, isUpload: boolean): string {
    switch (type) {
      case 'array':
        if (!this.isRemote) return 'Array'
        if (isUpload) return this.#isGL ? 'Input' : 'Array'
        if (this.mode === 'webgpu') return 'WebGPUBuffer'
        return this.hasFloatTextures ? 'ArrayTexture(1)' : 'NumberTexture'
      case 'quads':
        return 'ArrayTexture(4)'
      case 'integer':
      case 'count':
        return 'Integer'
      case 'number':
        return 'Float'
      default:
        return type satisfies never
    }
  }

  #checkSize(name: string, rows: number, columns: number): void {
    if (rows * columns <= this.maxElements && rows <= LARGEST_ROW) return
    throw new GlassformerError(
      'too-large',
      `gpu: ${name} would make [${rows}, ${columns}], this device holds ${this.maxElements} numbers in an array of ${LARGEST_ROW} rows at most; use shorter or fewer texts, or the wasm backend`,
    )
  }

  #enqueue(work: () => Promise<Resident>): Promise<Resident> {
    const result = this.#tail.then(() => this.#guardAsync(work))
    this.#tail = result.catch(() => undefined)
    return result
  }

  #guard<T>(work: () => T): T {
    try {
      const result = work()
      this.checkAlive()
      return result
    } catch (error) {
      throw this.#explained(error)
    }
  }

  async #guardAsync<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      this.checkAlive()
      return result
    } catch (error) {
      throw this.#explained(error)
    }
  }

  #explained(error: unknown): unknown {
    if (error instanceof GlassformerError) return error
    try {
      this.checkAlive(error)
    } catch (lost) {
      return lost
    }
    return error
  }
}

/** Rows of rows as gpu.js returns them, in one array. */
function flatten(rows: unknown, length: number): Float32Array {
  if (rows instanceof Float32Array && rows.length === length) return rows
  const flat = new Float32Array(length)
  let at = 0
  const take = (part: unknown): void => {
    if (part instanceof Float32Array) {
      flat.set(part, at)
      at += part.length
    } else for (const inner of part as readonly unknown[]) take(inner)
  }
  take(rows)
  return flat
}
