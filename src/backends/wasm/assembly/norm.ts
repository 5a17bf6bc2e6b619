/**
 * LayerNorm and RMSNorm over rows. The mean and the variance are two passes over a row that lies in the first cache, so nothing
 * cancels. Reference twin: tensor/ops/norm.ts.
 */
import { fma, splat, sumLanes } from './simd'

/** (x - mean) / sqrt(variance + epsilon) * weight + bias for each of `rows` rows of `width`. */
export function layerNorm(out: usize, x: usize, weight: usize, bias: usize, rows: i32, width: i32, epsilon: f32): void {
  const bytes = (<usize>width) << 2
  for (let row = 0; row < rows; row++, x += bytes, out += bytes) {
    const mean = sum(x, width) / <f32>width
    const deviation = squares(x, width, mean) / <f32>width
    const inverse: f32 = 1 / sqrt<f32>(deviation + epsilon)
    const means = splat(mean)
    const inverses = splat(inverse)
    let at: usize = 0
    for (; at + 16 <= bytes; at += 16) {
      const normed = f32x4.mul(f32x4.sub(v128.load(x + at), means), inverses)
      v128.store(out + at, fma(normed, v128.load(weight + at), v128.load(bias + at)))
    }
    for (; at < bytes; at += 4) {
      store<f32>(out + at, (load<f32>(x + at) - mean) * inverse * load<f32>(weight + at) + load<f32>(bias + at))
    }
  }
}

/** x / sqrt(mean of squares + epsilon) * weight for each row. */
export function rmsNorm(out: usize, x: usize, weight: usize, rows: i32, width: i32, epsilon: f32): void {
  const bytes = (<usize>width) << 2
  for (let row = 0; row < rows; row++, x += bytes, out += bytes) {
    const inverse: f32 = 1 / sqrt<f32>(squares(x, width, 0) / <f32>width + epsilon)
    const inverses = splat(inverse)
    let at: usize = 0
    for (; at + 16 <= bytes; at += 16) {
      v128.store(out + at, f32x4.mul(f32x4.mul(v128.load(x + at), inverses), v128.load(weight + at)))
    }
    for (; at < bytes; at += 4) store<f32>(out + at, load<f32>(x + at) * inverse * load<f32>(weight + at))
  }
}

function sum(x: usize, width: i32): f32 {
  const bytes = (<usize>width) << 2
  let lanes0 = splat(0)
  let lanes1 = splat(0)
  let at: usize = 0
  for (; at + 32 <= bytes; at += 32) {
    lanes0 = f32x4.add(lanes0, v128.load(x + at))
    lanes1 = f32x4.add(lanes1, v128.load(x + at, 16))
  }
  let total = sumLanes(f32x4.add(lanes0, lanes1))
  for (; at < bytes; at += 4) total += load<f32>(x + at)
  return total
}

/** Sum of (x - mean)². */
function squares(x: usize, width: i32, mean: f32): f32 {
  const bytes = (<usize>width) << 2
  const means = splat(mean)
  let lanes0 = splat(0)
  let lanes1 = splat(0)
  let at: usize = 0
  for (; at + 32 <= bytes; at += 32) {
    const d0 = f32x4.sub(v128.load(x + at), means)
    const d1 = f32x4.sub(v128.load(x + at, 16), means)
    lanes0 = fma(d0, d0, lanes0)
    lanes1 = fma(d1, d1, lanes1)
  }
  let total = sumLanes(f32x4.add(lanes0, lanes1))
  for (; at < bytes; at += 4) {
    const d = load<f32>(x + at) - mean
    total += d * d
  }
  return total
}
