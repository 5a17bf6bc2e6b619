/**
 * The backends that every golden is checked on. One that this machine cannot run is listed with the reason, and its tests are skipped
 * with it.
 */
import { referenceBackend, wasmBackend, type Backend } from '../../src/backends/index.js'

export interface TestedBackend {
  readonly name: string
  readonly create: () => Promise<Backend>
}

export const BACKENDS: readonly TestedBackend[] = [
  { name: 'reference', create: async () => referenceBackend() },
  { name: 'wasm plain, 1 thread', create: () => wasmBackend({ simd: 'plain', threads: 1 }) },
  { name: 'wasm plain, 2 threads', create: () => wasmBackend({ simd: 'plain', threads: 2 }) },
]
