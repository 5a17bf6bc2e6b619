/**
 * Rotary positions: element i and element i + half of a head turn together by the angle of their position.
 * Reference twin: tensor/ops/rotary.ts.
 */
import { fma, fnma } from './simd'

/**
 * x [batch, heads, seq, 2 * half] with strides in elements (the last is 1), cos and sin [batch or 1, seq, half] with
 * `tableStep` elements from one batch item to the next; out is row-major.
 */
export function rotate(
  out: usize,
  x: usize,
  cos: usize,
  sin: usize,
  batch: i32,
  heads: i32,
  seq: i32,
  half: i32,
  batchStep: i32,
  headStep: i32,
  seqStep: i32,
  tableStep: i32,
): void {
  const bytes = (<usize>half) << 2
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let s = 0; s < seq; s++) {
        const source = x + ((b * batchStep + h * headStep + s * seqStep) << 2)
        const angles = (<usize>(b * tableStep + s * half)) << 2
        let at: usize = 0
        for (; at + 16 <= bytes; at += 16) {
          const c = v128.load(cos + angles + at)
          const n = v128.load(sin + angles + at)
          const first = v128.load(source + at)
          const second = v128.load(source + bytes + at)
          v128.store(out + at, fnma(second, n, f32x4.mul(first, c)))
          v128.store(out + bytes + at, fma(first, n, f32x4.mul(second, c)))
        }
        for (; at < bytes; at += 4) {
          const c = load<f32>(cos + angles + at)
          const n = load<f32>(sin + angles + at)
          const first = load<f32>(source + at)
          const second = load<f32>(source + bytes + at)
          store<f32>(out + at, first * c - second * n)
          store<f32>(out + bytes + at, second * c + first * n)
        }
        out += bytes << 1
      }
    }
  }
}
