/**
 * Rows of a table by their numbers: an embedding. The table is row-major, or in panels of eight rows where it is a language-model
 * head too, and stays in its file's dtype: only the rows that are asked for are widened. Reference twin: tensor/ops/gather.ts.
 */
import { BFLOAT16, FLOAT32 } from './dtypes'
import { halfBits, halfScale, moveFloat16Low, widenBfloat16Low } from './simd'

/** One element as float32. */
@inline
function element(at: usize, dtype: i32): f32 {
  if (dtype == FLOAT32) return load<f32>(at)
  const half = v128.load16_splat(at)
  return f32x4.extract_lane(
    dtype == BFLOAT16 ? widenBfloat16Low(half) : f32x4.mul(moveFloat16Low(half, halfBits()), halfScale()),
    0,
  )
}

/** out[i] = table[ids[i]] for `count` ids, table row-major [rows, width]. */
export function gatherRows(out: usize, table: usize, ids: usize, count: i32, width: i32, dtype: i32): void {
  const size: usize = dtype == FLOAT32 ? 4 : 2
  for (let i = 0; i < count; i++) {
    const row = table + (<usize>load<i32>(ids + ((<usize>i) << 2))) * <usize>width * size
    if (dtype == FLOAT32) memory.copy(out, row, (<usize>width) << 2)
    else for (let d: usize = 0; d < <usize>width; d++) store<f32>(out + (d << 2), element(row + d * size, dtype))
    out += (<usize>width) << 2
  }
}

/** The same from panels [rows / 8][width][8]. */
export function gatherPanels(out: usize, panels: usize, ids: usize, count: i32, width: i32, dtype: i32): void {
  const size: usize = dtype == FLOAT32 ? 4 : 2
  for (let i = 0; i < count; i++) {
    const id = <usize>load<i32>(ids + ((<usize>i) << 2))
    const first = panels + ((id >> 3) * (<usize>width << 3) + (id & 7)) * size
    for (let d: usize = 0; d < <usize>width; d++) store<f32>(out + (d << 2), element(first + (d << 3) * size, dtype))
    out += (<usize>width) << 2
  }
}
