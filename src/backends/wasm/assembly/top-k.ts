/**
 * The k largest elements of a row, largest first; equal ones keep the order of their indices. A row is compared sixteen at a time with the
 * smallest that is held, so that for a vocabulary nearly all is skipped. Reference twin: tensor/ops/top-k.ts.
 */
import { splat } from './simd'

/** Writes k values and k indices (int32); k <= width. NaN are passed over. */
export function topK(values: usize, indices: usize, x: usize, width: i32, k: i32): void {
  let filled = 0
  let i = 0
  while (i < width) {
    if (filled == k) {
      const least = splat(load<f32>(values + ((<usize>k - 1) << 2)))
      while (i + 16 <= width) {
        const at = x + ((<usize>i) << 2)
        const above = v128.or(
          v128.or(f32x4.gt(v128.load(at), least), f32x4.gt(v128.load(at, 16), least)),
          v128.or(f32x4.gt(v128.load(at, 32), least), f32x4.gt(v128.load(at, 48), least)),
        )
        if (v128.any_true(above)) break
        i += 16
      }
      if (i >= width) return
    }
    for (const end = min(i + 16, width); i < end; i++) {
      const value = load<f32>(x + ((<usize>i) << 2))
      if (filled == k && !(value > load<f32>(values + ((<usize>k - 1) << 2)))) continue
      let at = filled < k ? filled++ : k - 1
      for (; at > 0 && load<f32>(values + ((<usize>at - 1) << 2)) < value; at--) {
        store<f32>(values + ((<usize>at) << 2), load<f32>(values + ((<usize>at - 1) << 2)))
        store<i32>(indices + ((<usize>at) << 2), load<i32>(indices + ((<usize>at - 1) << 2)))
      }
      store<f32>(values + ((<usize>at) << 2), value)
      store<i32>(indices + ((<usize>at) << 2), i)
    }
  }
}
