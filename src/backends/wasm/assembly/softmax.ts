/**
 * Softmax and log-softmax of rows. The maximum is taken off first, so that exp never overflows.
 * Reference twin: tensor/ops/softmax.ts.
 */
import { exp } from './math'
import { loadTail, maxLanes, splat, storeTail, sumLanes } from './simd'

/** exp(x - max) / sum for each of `rows` rows of `width`; out may be x. */
export function softmax(out: usize, x: usize, rows: i32, width: i32): void {
  const bytes = (<usize>width) << 2
  for (let row = 0; row < rows; row++, x += bytes, out += bytes) {
    const total = exponentials(out, x, width, maximum(x, width))
    const inverses = splat(1 / total)
    let at: usize = 0
    for (; at + 16 <= bytes; at += 16) v128.store(out + at, f32x4.mul(v128.load(out + at), inverses))
    for (; at < bytes; at += 4) store<f32>(out + at, load<f32>(out + at) / total)
  }
}

/** x - max - log(sum(exp(x - max))) for each row; out is not x. */
export function logSoftmax(out: usize, x: usize, rows: i32, width: i32): void {
  const bytes = (<usize>width) << 2
  for (let row = 0; row < rows; row++, x += bytes, out += bytes) {
    const highest = maximum(x, width)
    const total = exponentials(out, x, width, highest)
    const shift = highest + <f32>Math.log(<f64>total)
    const shifts = splat(shift)
    let at: usize = 0
    for (; at + 16 <= bytes; at += 16) v128.store(out + at, f32x4.sub(v128.load(x + at), shifts))
    for (; at < bytes; at += 4) store<f32>(out + at, load<f32>(x + at) - shift)
  }
}

export function maximum(x: usize, width: i32): f32 {
  const bytes = (<usize>width) << 2
  let lanes0 = splat(-Infinity)
  let lanes1 = splat(-Infinity)
  let at: usize = 0
  for (; at + 32 <= bytes; at += 32) {
    lanes0 = f32x4.max(lanes0, v128.load(x + at))
    lanes1 = f32x4.max(lanes1, v128.load(x + at, 16))
  }
  let highest = maxLanes(f32x4.max(lanes0, lanes1))
  for (; at < bytes; at += 4) highest = max(highest, load<f32>(x + at))
  return highest
}

/** out = exp(x - shift); returns the sum. */
export function exponentials(out: usize, x: usize, width: i32, shift: f32): f32 {
  const bytes = (<usize>width) << 2
  const shifts = splat(shift)
  let lanes0 = splat(0)
  let lanes1 = splat(0)
  let at: usize = 0
  for (; at + 32 <= bytes; at += 32) {
    const e0 = exp(f32x4.sub(v128.load(x + at), shifts))
    const e1 = exp(f32x4.sub(v128.load(x + at, 16), shifts))
    v128.store(out + at, e0)
    v128.store(out + at, e1, 16)
    lanes0 = f32x4.add(lanes0, e0)
    lanes1 = f32x4.add(lanes1, e1)
  }
  for (; at + 16 <= bytes; at += 16) {
    const e = exp(f32x4.sub(v128.load(x + at), shifts))
    v128.store(out + at, e)
    lanes0 = f32x4.add(lanes0, e)
  }
  if (at < bytes) {
    const count = <i32>((bytes - at) >> 2)
    const e = exp(f32x4.sub(loadTail(x + at, count, -Infinity), shifts)) // lanes beyond the row become 0
    storeTail(out + at, e, count)
    lanes0 = f32x4.add(lanes0, e)
  }
  return sumLanes(f32x4.add(lanes0, lanes1))
}
