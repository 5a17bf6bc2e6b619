/**
 * The one place where the bench meets our kernels: it makes the backend and reaches single kernels on it.
 */
import { wasmBackend, type AttentionInputs, type Backend, type PackedMatrix } from '../src/backends/index.js'
import type { Float } from '../src/tensor/ops/index.js'

export type WeightPrecision = 'f32' | 'int8'

/** The backend that is measured. The caller disposes it. */
export function bestBackend(threads: number): Promise<Backend> {
  return wasmBackend({ threads })
}

/** Options for fromPretrained. */
export function modelOptions(backend: Backend, precision: WeightPrecision): { backend: Backend; dtype?: 'int8' } {
  return precision === 'int8' ? { backend, dtype: 'int8' } : { backend }
}

/** A weight [rows, columns] and its bias [rows], packed for `linear`. */
export function packLinear(backend: Backend, weight: Float, bias: Float, precision: WeightPrecision): PackedMatrix {
  return backend.pack(weight, { use: 'linear', bias, dtype: precision === 'int8' ? 'int8' : undefined })
}

export function linear(backend: Backend, x: Float, weight: PackedMatrix): Promise<Float> {
  return backend.run(async ({ kernels, keep }) => keep(await kernels.linear(x, weight)))
}

export function attention(backend: Backend, inputs: AttentionInputs): Promise<Float> {
  return backend.run(async ({ kernels, keep }) => keep(await kernels.attention(inputs)))
}
