/**
 * What the threads of a linear layer read from memory, and what happens to each tile at its end.
 */
import { activateLanes, NONE } from './activations'

/** backends/wasm/kernels.ts writes it. */
@unmanaged
export class LinearJob {
  x: usize // [rows, k]
  panels: usize // [ceil(n / 8)][k][8]
  bias: usize // [ceil(n / 8) * 8] or 0
  out: usize // [rows, n]
  rows: i32
  k: i32
  n: i32
  dtype: i32
  activation: i32
}

/** Adds the bias and applies the activation to a tile. */
export function finish(c: usize, ldc: usize, rows: i32, bias: usize, activation: i32): void {
  if (bias == 0 && activation == NONE) return
  let bias0 = f32x4.splat(0)
  let bias1 = f32x4.splat(0)
  if (bias) {
    bias0 = v128.load(bias)
    bias1 = v128.load(bias, 16)
  }
  for (let r = 0; r < rows; r++, c += ldc) {
    v128.store(c, activateLanes(f32x4.add(v128.load(c), bias0), activation))
    v128.store(c, activateLanes(f32x4.add(v128.load(c, 16), bias1), activation), 16)
  }
}
