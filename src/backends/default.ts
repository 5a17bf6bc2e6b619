/**
 * The backend that runs where the caller names none: the fastest that the platform has.
 */
import type { Backend } from './backend.js'
import { referenceBackend } from './reference/reference.js'
import { supportedBuild } from './wasm/load.js'
import { wasmBackend } from './wasm/wasm.js'

let reported = false

/** A new backend, which the caller disposes. */
export async function defaultBackend(): Promise<Backend> {
  if (supportedBuild()) return wasmBackend()
  if (!reported) console.warn('glassformer: WebAssembly SIMD is missing here, so the slow reference backend runs')
  reported = true
  return referenceBackend()
}
