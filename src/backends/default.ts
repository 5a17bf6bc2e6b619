/**
 * How a backend is chosen: by default the fastest that the platform has; the one for GPUs, which few programs need, is loaded when it is asked for.
 */
import { InputError, type GlassformerError } from '../errors.js'
import type { Backend } from './backend.js'
import type { GpuBackend, GpuOptions } from './gpu/gpu.js'
import { referenceBackend } from './reference/reference.js'
import { supportedBuild } from './wasm/load.js'
import { wasmBackend } from './wasm/wasm.js'

let reported = false

/** A new backend, which the caller disposes. */
export async function defaultBackend(): Promise<Backend> {
  if (!supportedBuild()) {
    report('WebAssembly SIMD is missing here, so the slow reference backend runs')
    return referenceBackend()
  }
  try {
    return await wasmBackend()
  } catch (error) {
    const { code, message } = error as GlassformerError
    if (code === 'no-thread') {
      report(`${message}. The kernels run on one thread`)
      return wasmBackend({ threads: 1 })
    }
    if (code === 'no-compile') {
      report(`${message}. The slow reference backend runs`)
      return referenceBackend()
    }
    throw error
  }
}

/**
 * Starts a backend on gpu.js, an optional peer: `npm install gpu.js@2`.
 * @throws GlassformerError `gpu-js-missing` where that is not installed, `unsupported` where no mode or not the one that is asked for
 * can run, and says why
 */
export async function gpuBackend(options: GpuOptions = {}): Promise<GpuBackend> {
  const { startGpuBackend } = await import('./gpu/gpu.js')
  return startGpuBackend(options)
}

/** The backend that a caller asks for, and whether it was made here, for whom it has to be disposed. @internal */
export async function openBackend(asked: Backend | 'gpu' | undefined): Promise<{ backend: Backend; owned: boolean }> {
  if (asked === undefined) return { backend: await defaultBackend(), owned: true }
  if (asked === 'gpu') return { backend: await gpuBackend(), owned: true }
  if (typeof asked === 'object') return { backend: asked, owned: false }
  throw new InputError('bad-option', `backend is "${String(asked)}", expected "gpu" or a backend`)
}

function report(what: string): void {
  if (!reported) console.warn(`glassformer: ${what}`)
  reported = true
}
