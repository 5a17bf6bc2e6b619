/**
 * The backends that every golden is checked on, as far as this machine can run them. MISSING says which it cannot, and why.
 */
import { referenceBackend, wasmBackend, type Backend } from '../../src/backends/index.js'
import { supportedBuild, type SimdBuild } from '../../src/backends/wasm/load.js'

export interface TestedBackend {
  readonly name: string
  /** The backend, started when it is first needed and shared by the tests of a file. */
  readonly create: () => Promise<Backend>
}

function shared(name: string, start: () => Promise<Backend>): TestedBackend {
  let backend: Promise<Backend> | undefined
  return { name, create: () => (backend ??= start()) }
}

function wasm(simd: SimdBuild, threads: number): TestedBackend {
  return shared(`wasm ${simd}, ${threads === 1 ? '1 thread' : `${threads} threads`}`, () =>
    wasmBackend({ simd, threads }),
  )
}

const RELAXED = [wasm('relaxed', 1), wasm('relaxed', 2)]
const canRelax = supportedBuild() === 'relaxed'

export const BACKENDS: readonly TestedBackend[] = [
  shared('reference', async () => referenceBackend()),
  wasm('plain', 1),
  wasm('plain', 2),
  ...(canRelax ? RELAXED : []),
]

export const MISSING: readonly string[] = canRelax
  ? []
  : RELAXED.map(({ name }) => `${name}: Node ${process.versions.node} has no relaxed SIMD`)
