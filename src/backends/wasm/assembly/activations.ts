/**
 * The functions that stand between two linear layers, on four lanes, and as a kernel of their own.
 * Reference twin: tensor/ops/activations.ts.
 */
import { erf, sigmoid, tanh } from './math'
import { fma, loadTail, splat, storeTail } from './simd'

/** Numbers of the activations; backends/wasm/kernels.ts has the same. */
export const NONE = 0
const RELU = 1
const GELU = 2
const GELU_TANH = 3
const SILU = 4
const TANH = 5

export function activateLanes(x: v128, activation: i32): v128 {
  switch (activation) {
    case NONE:
      return x
    case RELU:
      return f32x4.max(x, splat(0))
    case GELU:
      return f32x4.mul(f32x4.mul(x, splat(0.5)), f32x4.add(splat(1), erf(f32x4.mul(x, splat(0.70710678)))))
    case GELU_TANH: {
      const cubed = f32x4.mul(f32x4.mul(x, x), x)
      const inner = f32x4.mul(splat(0.7978845608), fma(cubed, splat(0.044715), x))
      return f32x4.mul(f32x4.mul(x, splat(0.5)), f32x4.add(splat(1), tanh(inner)))
    }
    case SILU:
      return f32x4.mul(x, sigmoid(x))
    case TANH:
      return tanh(x)
    default:
      return sigmoid(x)
  }
}

/** out[i] = activation(x[i]) */
export function activate(out: usize, x: usize, count: i32, activation: i32): void {
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const at = (<usize>i) << 2
    v128.store(out + at, activateLanes(v128.load(x + at), activation))
  }
  const at = (<usize>i) << 2
  if (i < count) storeTail(out + at, activateLanes(loadTail(x + at, count - i, 0), activation), count - i)
}
