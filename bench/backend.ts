/**
 * The one place where the bench meets our kernels: it makes the best backend there is and reaches single kernels on it. When the
 * Backend interface changes, only this file follows.
 */
import * as backends from '../src/backends/index.js'
import type { AttentionInputs, Backend, PackedMatrix } from '../src/backends/index.js'
import type { Float } from '../src/tensor/ops/index.js'
import { Tensor } from '../src/tensor/index.js'

export type WeightPrecision = 'f32' | 'int8'

interface WasmOptions {
  readonly threads?: number
}

type Kernels = Pick<Backend, 'linear' | 'attention'> & { end?: () => unknown }

/** The WASM backend where it exists, else the reference. The caller disposes it. */
export async function bestBackend(threads: number): Promise<Backend> {
  const { wasmBackend } = backends as { wasmBackend?: (options: WasmOptions) => Promise<Backend> }
  return wasmBackend ? wasmBackend({ threads }) : backends.referenceBackend()
}

/** Options for fromPretrained. @throws when this backend has no int8 weights */
export function modelOptions(backend: Backend, precision: WeightPrecision): { backend: Backend } {
  requirePrecision(backend, precision)
  return precision === 'int8' ? ({ backend, dtype: 'int8' } as { backend: Backend }) : { backend }
}

/** Gives back what a model holds, where it holds anything that the backend's dispose() does not reach sooner. */
export async function release(model: object): Promise<void> {
  if ('dispose' in model) await (model as { dispose(): Promise<void> | void }).dispose()
}

/** A weight [rows, columns] and its bias [rows], packed for `linear`. @throws when this backend has no int8 weights */
export function packLinear(backend: Backend, weight: Float, bias: Float, precision: WeightPrecision): PackedMatrix {
  requirePrecision(backend, precision)
  return pack(backend, weight, bias, precision)
}

export function linear(backend: Backend, x: Float, weight: PackedMatrix): Promise<Float> {
  return withKernels(backend, (kernels) => kernels.linear(x, weight))
}

export function attention(backend: Backend, inputs: AttentionInputs): Promise<Float> {
  return withKernels(backend, (kernels) => kernels.attention(inputs))
}

async function withKernels(backend: Backend, use: (kernels: Kernels) => Promise<Float>): Promise<Float> {
  const kernels = 'begin' in backend ? (backend as { begin(): Kernels }).begin() : backend
  try {
    return await use(kernels)
  } finally {
    if ('end' in kernels) kernels.end?.()
  }
}

function pack(backend: Backend, weight: Float, bias: Float | undefined, precision: WeightPrecision): PackedMatrix {
  const options = { use: 'linear' as const, bias, ...(precision === 'int8' && { dtype: 'int8' }) }
  return backend.pack(weight, options)
}

/** A backend that does not know int8 packs float32 all the same, which shows in the bytes that it keeps. */
function requirePrecision(backend: Backend, precision: WeightPrecision): void {
  if (precision === 'f32') return
  const size = 64
  const probe = pack(backend, Tensor.zeros('float32', [size, size]), undefined, precision)
  if (probe.byteLength > 2 * size * size) throw new Error(`not yet: the ${backend.name} backend has no int8 weights`)
}
