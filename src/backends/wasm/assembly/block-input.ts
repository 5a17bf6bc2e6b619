/**
 * x for a product with blocks: each 32 neighbours of a row are scaled so that the largest is 127, and rounded to nearest (halves to even).
 * Beside the integers are what a block of them is multiplied with, and the sum of what they stand for over each `sub` (16 or 32)
 * columns, which a weight's minimum or offset is multiplied with. Reference twin: tensor/ops/blocks.ts.
 */
import { maxLanes, splat } from './simd'

const LIMIT: f32 = 127

/**
 * x [rows, width] -> out, of int8, or of int16 for weights in pairs; scales [rows, width / 32]; sums [rows, width / sub]. `together` rows make a tile,
 * the last one what is left: in it, four bytes of each row lie side by side, then the next four of each, as the tile reads them.
 */
export function quantizeBlockInput(
  out: usize,
  scales: usize,
  sums: usize,
  x: usize,
  rows: i32,
  width: i32,
  sub: i32,
  pairs: bool,
  together: i32,
): void {
  const rowBytes = (<usize>width) << (pairs ? 1 : 0)
  const blocks = width >> 5
  for (let first = 0; first < rows; first += together) {
    const step = (<usize>min(together, rows - first)) << 2
    for (let at: usize = 0; at < step; at += 4) {
      quantizeRow(out + at, step, scales, sums, x, blocks, sub, pairs)
      scales += (<usize>blocks) << 2
      sums += (<usize>(width / sub)) << 2
      x += (<usize>width) << 2
    }
    out += rowBytes * (step >> 2)
  }
}

function quantizeRow(
  out: usize,
  step: usize,
  scales: usize,
  sums: usize,
  x: usize,
  blocks: i32,
  sub: i32,
  pairs: bool,
): void {
  for (let block = 0; block < blocks; block++, x += 128, scales += 4) {
    let largest4 = splat(0)
    for (let at: usize = 0; at < 128; at += 16) largest4 = f32x4.max(largest4, f32x4.abs(v128.load(x + at)))
    const largest = maxLanes(largest4)
    const scale = largest / LIMIT
    const inverse = splat(largest == 0 ? 0 : LIMIT / largest)
    store<f32>(scales, scale)
    let sum = 0
    for (let half = 0; half < 2; half++) {
      const source = x + 64 * half
      const low = i16x8.narrow_i32x4_s(rounded(source, inverse), rounded(source + 16, inverse))
      const high = i16x8.narrow_i32x4_s(rounded(source + 32, inverse), rounded(source + 48, inverse))
      const sum4 = i32x4.extadd_pairwise_i16x8_s(i16x8.add(low, high))
      const sum2 = i32x4.add(sum4, v128.shuffle<i32>(sum4, sum4, 2, 3, 0, 1))
      sum += i32x4.extract_lane(sum2, 0) + i32x4.extract_lane(sum2, 1)
      if (sub == 16 || half == 1) {
        store<f32>(sums, <f32>sum * scale)
        sums += 4
        sum = 0
      }
      if (pairs) {
        out = spread(out, step, low)
        out = spread(out, step, high)
      } else {
        out = spread(out, step, i8x16.narrow_i16x8_s(low, high))
      }
    }
  }
}

/** Stores four words `step` bytes apart; returns where the next one goes. */
@inline
function spread(out: usize, step: usize, words: v128): usize {
  v128.store32_lane(out, words, 0)
  v128.store32_lane(out + step, words, 1)
  v128.store32_lane(out + 2 * step, words, 2)
  v128.store32_lane(out + 3 * step, words, 3)
  return out + 4 * step
}

@inline
function rounded(at: usize, inverse: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at), inverse)))
}
