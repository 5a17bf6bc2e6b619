/**
 * gpu.js: what is used of it, and how it is found. It is an optional peer that is loaded when a GPU backend starts.
 */
import { GlassformerError } from '../../errors.js'

/** Where gpu.js runs kernels: WebGPU or WebGL in pages, `headlessgl` in Node with the package `gl`, `webasm` and `cpu` anywhere. */
export type GpuMode = 'webgpu' | 'webgl2' | 'webgl' | 'headlessgl' | 'webasm' | 'cpu'

/** A result that stays on the device. */
export interface Resident {
  toArray(): unknown
  delete(): void
}

export interface GpuJsKernel {
  (...inputs: readonly unknown[]): unknown
  setOutput(sizes: readonly number[]): unknown
  /** The kernel behind the function; gpu.js exchanges it when it falls back to another mode. */
  readonly kernel: {
    readonly constructor: { readonly mode: string; readonly features?: GpuFeatures }
    readonly fallbackReason?: string
    readonly context?: unknown
    /** The generated text: GLSL, WGSL. */
    readonly compiledFragmentShader?: string
    readonly compiledSource?: string
    readonly _kernelString?: string
    /** webasm: compiled sizes that are kept. */
    moduleCacheLimit?: number
  }
}

export interface GpuFeatures {
  readonly isFloatRead: boolean
  readonly maxTextureSize: number
  readonly highFloatPrecision?: { readonly precision: number }
}

export interface GpuJsInstance {
  createKernel(source: string, settings: object): GpuJsKernel
  destroy(): Promise<void>
}

export interface GpuJs {
  readonly GPU: {
    new (settings: { readonly mode: string }): GpuJsInstance
    readonly isWebGLSupported: boolean
    readonly isWebGL2Supported: boolean
    readonly isHeadlessGLSupported: boolean
    readonly isWebAssemblySupported: boolean
    readonly isWebGPUSupported: boolean
    isWebGPUAvailable(): Promise<boolean>
  }
  input(data: Float32Array, sizes: readonly number[]): object
}

/** The module as import() gives it: a CommonJS one, so that its exports may lie under `default`. */
export type GpuJsModule = GpuJs | { readonly default: GpuJs }

/** @throws GlassformerError `gpu-js-missing` */
export async function loadGpuJs(given: GpuJsModule | undefined): Promise<GpuJs> {
  const module = given ?? (await importGpuJs())
  return 'default' in module ? module.default : module
}

async function importGpuJs(): Promise<GpuJsModule> {
  try {
    return (await import('gpu.js')) as unknown as GpuJsModule
  } catch (error) {
    const advice = '"npm install gpu.js@2" adds it; a page without a bundler passes it as { gpuJs }'
    const message = `gpu: the package gpu.js cannot be loaded (${(error as Error).message.split('\n')[0]}); ${advice}`
    throw new GlassformerError('gpu-js-missing', message, { cause: error })
  }
}

/** Why a mode cannot run here; undefined where it can. */
export async function obstacleOf({ GPU }: GpuJs, mode: GpuMode): Promise<string | undefined> {
  switch (mode) {
    case 'webgpu':
      if (!GPU.isWebGPUSupported) return 'navigator.gpu is missing (an old browser, a page without https, or Node)'
      return (await GPU.isWebGPUAvailable())
        ? undefined
        : 'the browser has WebGPU, but offers no adapter on this machine'
    case 'webgl2':
      return GPU.isWebGL2Supported ? undefined : noWebGL('WebGL 2')
    case 'webgl':
      return GPU.isWebGLSupported ? undefined : noWebGL('WebGL')
    case 'headlessgl':
      return GPU.isHeadlessGLSupported
        ? undefined
        : 'it needs Node and the native package "gl", which does not load here'
    case 'webasm':
      return GPU.isWebAssemblySupported ? undefined : 'WebAssembly is missing'
    case 'cpu':
      return mayCompile() ? undefined : "it compiles JavaScript, and the page's policy does not allow 'unsafe-eval'"
    default:
      return mode satisfies never
  }
}

/** Numbers that a storage buffer of WebGPU holds. */
export async function largestBuffer(): Promise<number> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<{ limits: Record<string, number> } | null> } }
  const adapter = await gpu!.requestAdapter()
  return Math.floor((adapter?.limits.maxStorageBufferBindingSize ?? 2 ** 27) / 4)
}

function mayCompile(): boolean {
  try {
    return new Function('return true')() as boolean
  } catch {
    return false
  }
}

function noWebGL(what: string): string {
  const inPage = typeof document !== 'undefined' || typeof OffscreenCanvas !== 'undefined'
  return inPage ? `the browser gives no ${what} context` : `${what} is for pages, and this is none`
}
