/**
 * The backends that every golden is checked on, as far as this machine can run them. MISSING says which it cannot, and why.
 */
import { gpuBackend, referenceBackend, wasmBackend, type Backend, type GpuMode } from '../../src/backends/index.js'
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

function gpu(mode: GpuMode): TestedBackend {
  return shared(`gpu ${mode}`, () => gpuBackend({ mode }))
}

const RELAXED = [wasm('relaxed', 1), wasm('relaxed', 2)]
const canRelax = supportedBuild() === 'relaxed'
/** Those modes of gpu.js that need no GPU. The others are tested in a page. */
const GPU = [gpu('webasm'), gpu('cpu')]

/** On a second Node only what WebAssembly makes of the kernels can differ, so `npm test` asks for them alone there. */
const onlyWasm = process.env.TEST_BACKENDS === 'wasm'

export const BACKENDS: readonly TestedBackend[] = [
  ...(onlyWasm ? [] : [shared('reference', async () => referenceBackend())]),
  wasm('plain', 1),
  wasm('plain', 2),
  ...(canRelax ? RELAXED : []),
]

/** With gpu.js, which in Node is too slow for models of real size. */
export const ALL_BACKENDS: readonly TestedBackend[] = [...BACKENDS, ...(onlyWasm ? [] : GPU)]

export const MISSING: readonly string[] = canRelax
  ? []
  : RELAXED.map(({ name }) => `${name}: Node ${process.versions.node} has no relaxed SIMD`)
