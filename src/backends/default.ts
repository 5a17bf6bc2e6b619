/**
 * The backend that runs where the caller names none: the fastest that the platform has.
 */
import type { GlassformerError } from '../errors.js'
import type { Backend } from './backend.js'
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

function report(what: string): void {
  if (!reported) console.warn(`glassformer: ${what}`)
  reported = true
}
