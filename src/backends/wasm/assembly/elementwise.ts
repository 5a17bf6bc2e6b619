/**
 * Sums and products of elements: residual add, gated products, scaling. The second operand may be shorter and is then repeated,
 * which covers a bias over the last axis. Reference twin: tensor/ops/elementwise.ts.
 */
import { splat } from './simd'

/** out[i] = a[i] + b[i mod period] */
export function add(out: usize, a: usize, b: usize, count: i32, period: i32): void {
  for (let start = 0; start < count; start += period) {
    const base = (<usize>start) << 2
    let i = 0
    for (; i + 4 <= period; i += 4) {
      const at = (<usize>i) << 2
      v128.store(out + base + at, f32x4.add(v128.load(a + base + at), v128.load(b + at)))
    }
    for (; i < period; i++) {
      const at = (<usize>i) << 2
      store<f32>(out + base + at, load<f32>(a + base + at) + load<f32>(b + at))
    }
  }
}

/** out[i] = a[i] * b[i mod period] */
export function multiply(out: usize, a: usize, b: usize, count: i32, period: i32): void {
  for (let start = 0; start < count; start += period) {
    const base = (<usize>start) << 2
    let i = 0
    for (; i + 4 <= period; i += 4) {
      const at = (<usize>i) << 2
      v128.store(out + base + at, f32x4.mul(v128.load(a + base + at), v128.load(b + at)))
    }
    for (; i < period; i++) {
      const at = (<usize>i) << 2
      store<f32>(out + base + at, load<f32>(a + base + at) * load<f32>(b + at))
    }
  }
}

/** out[i] = x[i] * factor */
export function scale(out: usize, x: usize, count: i32, factor: f32): void {
  const factors = splat(factor)
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const at = (<usize>i) << 2
    v128.store(out + at, f32x4.mul(v128.load(x + at), factors))
  }
  for (; i < count; i++) {
    const at = (<usize>i) << 2
    store<f32>(out + at, load<f32>(x + at) * factor)
  }
}
