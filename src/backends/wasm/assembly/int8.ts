/**
 * linear in 8-bit integers. Weights are -127…127, packed in panels of eight outputs and groups of four k; a row of x is
 * quantised to 0…127 when it comes: seven unsigned bits, which one instruction multiplies with eight signed ones, four products to
 * a sum, without overflow on any machine:
 *
 *   b0: │ w0: k..k+3 │ w1 │ w2 │ w3 │   b1: │ w4 │ w5 │ w6 │ w7 │      16 weights each
 *   x:  │ k..k+3 │ the same │ the same │ the same │                    one 32-bit splat
 *   sum[r][0] += dot4(b0, x), sum[r][1] += dot4(b1, x)                 64 products in two instructions
 *
 * The zero point z of the row of x is taken off at the end: Σ w x - z Σ w, with the sums of the weights' rows made when they
 * are packed. All that is exact in integers. Reference twin: tensor/ops/quantize.ts.
 *
 * Ladder: 10 int8, 1.4 times float32 for many rows and 3.1 times float16 for one, on a processor without AVX-VNNI. There the
 * engine makes three to five instructions of the dot product; with AVX-VNNI it is one.
 */
import { activateLanes } from './activations'
import { PANEL } from './pack'
import { maxLanes, splat } from './simd'

/** What the threads read from memory; backends/wasm/kernels.ts writes it. */
@unmanaged
export class Int8Job {
  x: usize // [rows, 4 * groups] seven bits unsigned
  xScales: usize // [rows] float32
  xZeros: usize // [rows] int32
  panels: usize // [ceil(n / 8)][groups][8][4] int8
  scales: usize // [ceil(n / 8) * 8] float32
  sums: usize // [ceil(n / 8) * 8] int32, the sum of a weight's row
  bias: usize // [ceil(n / 8) * 8] or 0
  out: usize // [rows, n]
  rows: i32
  groups: i32
  n: i32
  activation: i32
}

/** Bytes of quantised x that are worked on at a time. */
const BLOCK_BYTES = 128 * 1024
const TILE_ROWS = ASC_FEATURE_RELAXED_SIMD ? 6 : 3
const LIMIT: f32 = 127

/** Quantises `rows` rows of `width` floats, each by its own range; rows of out have `stride` bytes, padded with 0. */
export function quantizeInput(out: usize, scales: usize, zeros: usize, x: usize, rows: i32, width: i32, stride: i32): void {
  const bytes = (<usize>width) << 2
  for (let r = 0; r < rows; r++, x += bytes, out += stride) {
    let low4 = splat(0)
    let high4 = splat(0)
    let at: usize = 0
    for (; at + 16 <= bytes; at += 16) {
      low4 = f32x4.min(low4, v128.load(x + at))
      high4 = f32x4.max(high4, v128.load(x + at))
    }
    let lowest = -maxLanes(f32x4.neg(low4))
    let highest = maxLanes(high4)
    for (; at < bytes; at += 4) {
      lowest = min(lowest, load<f32>(x + at))
      highest = max(highest, load<f32>(x + at))
    }
    const range = highest - lowest
    const inverse: f32 = range == 0 ? 0 : LIMIT / range
    const zero = <i32>nearest<f32>(-lowest * inverse)
    store<f32>(scales + ((<usize>r) << 2), range / LIMIT)
    store<i32>(zeros + ((<usize>r) << 2), zero)

    const inverses = splat(inverse)
    const zero4 = i32x4.splat(zero)
    const limits = i8x16.splat(127)
    let i = 0
    for (; i + 8 <= width; i += 8) {
      const source = x + ((<usize>i) << 2)
      const low = i32x4.add(i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(source), inverses))), zero4)
      const high = i32x4.add(i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(source, 16), inverses))), zero4)
      const words = i16x8.narrow_i32x4_s(low, high)
      v128.store64_lane(out + i, i8x16.min_u(i8x16.narrow_i16x8_u(words, words), limits), 0)
    }
    for (; i < width; i++) {
      const value = <i32>nearest<f32>(load<f32>(x + ((<usize>i) << 2)) * inverse) + zero
      store<u8>(out + i, <u8>min(max(value, 0), 127))
    }
    for (; i < stride; i++) store<u8>(out + i, 0)
  }
}

/** Integers [rows, columns] -> panels [ceil(rows / 8)][ceil(columns / 4)][8][4] and the sum of each row. */
export function packInt8(panels: usize, sums: usize, values: usize, rows: i32, columns: i32): void {
  const groups = (columns + 3) >> 2
  for (let first = 0; first < rows; first += PANEL) {
    for (let j = 0; j < PANEL; j++) {
      const row = first + j
      let sum = 0
      for (let k = 0; k < groups << 2; k++) {
        const value = row < rows && k < columns ? load<i8>(values + row * columns + k) : 0
        store<i8>(panels + (k >> 2) * (PANEL * 4) + (j << 2) + (k & 3), value)
        sum += value
      }
      store<i32>(sums + ((<usize>row) << 2), sum)
    }
    panels += groups * (PANEL * 4)
  }
}

/** Computes panels `first` to `end`. `scratch` holds one tile of int32. */
export function linearInt8(job: Int8Job, first: i32, end: i32, scratch: usize): void {
  const width = job.groups << 2
  const panelBytes = job.groups * (PANEL * 4)
  const block = max(1, BLOCK_BYTES / (width * TILE_ROWS)) * TILE_ROWS
  for (let top = 0; top < job.rows; top += block) {
    const bottom = min(top + block, job.rows)
    for (let p = first; p < end; p++) {
      for (let row = top; row < bottom; row += TILE_ROWS) {
        const rows = min(TILE_ROWS, bottom - row)
        tile(rows, job.x + row * width, width, job.panels + p * panelBytes, scratch, job.groups)
        scaleBack(job, p, row, rows, scratch)
      }
    }
  }
}

/** Integers of a tile to floats in their place. */
function scaleBack(job: Int8Job, p: i32, row: i32, rows: i32, sums: usize): void {
  const at = (<usize>p * PANEL) << 2
  const columns = min(PANEL, job.n - p * PANEL)
  let bias0 = splat(0)
  let bias1 = splat(0)
  if (job.bias) {
    bias0 = v128.load(job.bias + at)
    bias1 = v128.load(job.bias + at, 16)
  }
  for (let r = 0; r < rows; r++, sums += PANEL * 4) {
    const xScale = v128.load32_splat(job.xScales + ((<usize>(row + r)) << 2))
    const xZero = v128.load32_splat(job.xZeros + ((<usize>(row + r)) << 2))
    const out = job.out + ((<usize>(row + r) * <usize>job.n) << 2) + at
    const y0 = finish(sums, at, xScale, xZero, bias0, job)
    const y1 = finish(sums + 16, at + 16, xScale, xZero, bias1, job)
    if (columns == PANEL) {
      v128.store(out, y0)
      v128.store(out, y1, 16)
    } else {
      v128.store(sums, y0)
      v128.store(sums, y1, 16)
      memory.copy(out, sums, columns << 2)
    }
  }
}

@inline
function finish(sums: usize, at: usize, xScale: v128, xZero: v128, bias: v128, job: Int8Job): v128 {
  const exact = i32x4.sub(v128.load(sums), i32x4.mul(xZero, v128.load(job.sums + at)))
  const scaled = f32x4.mul(f32x4.convert_i32x4_s(exact), f32x4.mul(xScale, v128.load(job.scales + at)))
  return activateLanes(f32x4.add(scaled, bias), job.activation)
}

/** One tile of sums, [rows][8] int32. */
function tile(rows: i32, x: usize, stride: usize, b: usize, sums: usize, groups: i32): void {
  switch (rows) {
    case 6:
      return tileOf(6, x, stride, b, sums, groups)
    case 5:
      return tileOf(5, x, stride, b, sums, groups)
    case 4:
      return tileOf(4, x, stride, b, sums, groups)
    case 3:
      return tileOf(3, x, stride, b, sums, groups)
    case 2:
      return tileOf(2, x, stride, b, sums, groups)
    default:
      return tileOf(1, x, stride, b, sums, groups)
  }
}

@inline
function tileOf(R: i32, x: usize, stride: usize, b: usize, sums: usize, groups: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxedTile(R, x, stride, b, sums, groups)
  else plainTile(min(R, 3), x, stride, b, sums, groups)
}

@inline
function relaxedTile(R: i32, x0: usize, stride: usize, b: usize, sums: usize, groups: i32): void {
  let s00 = i32x4.splat(0)
  let s01 = i32x4.splat(0)
  let s10 = i32x4.splat(0)
  let s11 = i32x4.splat(0)
  let s20 = i32x4.splat(0)
  let s21 = i32x4.splat(0)
  let s30 = i32x4.splat(0)
  let s31 = i32x4.splat(0)
  let s40 = i32x4.splat(0)
  let s41 = i32x4.splat(0)
  let s50 = i32x4.splat(0)
  let s51 = i32x4.splat(0)
  const x1 = x0 + stride
  const x2 = x1 + stride
  const x3 = x2 + stride
  const x4 = x3 + stride
  const x5 = x4 + stride
  const bytes = (<usize>groups) << 2
  for (let at: usize = 0; at < bytes; at += 4, b += PANEL * 4) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let x = v128.load32_splat(x0 + at)
    s00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, x, s00)
    s01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, x, s01)
    if (R > 1) {
      x = v128.load32_splat(x1 + at)
      s10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, x, s10)
      s11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, x, s11)
    }
    if (R > 2) {
      x = v128.load32_splat(x2 + at)
      s20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, x, s20)
      s21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, x, s21)
    }
    if (R > 3) {
      x = v128.load32_splat(x3 + at)
      s30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, x, s30)
      s31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, x, s31)
    }
    if (R > 4) {
      x = v128.load32_splat(x4 + at)
      s40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, x, s40)
      s41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, x, s41)
    }
    if (R > 5) {
      x = v128.load32_splat(x5 + at)
      s50 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, x, s50)
      s51 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, x, s51)
    }
  }
  v128.store(sums, s00)
  v128.store(sums, s01, 16)
  v128.store(sums, s10, 32)
  v128.store(sums, s11, 48)
  v128.store(sums, s20, 64)
  v128.store(sums, s21, 80)
  v128.store(sums, s30, 96)
  v128.store(sums, s31, 112)
  v128.store(sums, s40, 128)
  v128.store(sums, s41, 144)
  v128.store(sums, s50, 160)
  v128.store(sums, s51, 176)
}

/** Without the relaxed instruction: bytes are widened to 16 bits and multiplied in pairs, so a column has two sums. */
@inline
function plainTile(R: i32, x0: usize, stride: usize, b: usize, sums: usize, groups: i32): void {
  let s00 = i32x4.splat(0)
  let s01 = i32x4.splat(0)
  let s02 = i32x4.splat(0)
  let s03 = i32x4.splat(0)
  let s10 = i32x4.splat(0)
  let s11 = i32x4.splat(0)
  let s12 = i32x4.splat(0)
  let s13 = i32x4.splat(0)
  let s20 = i32x4.splat(0)
  let s21 = i32x4.splat(0)
  let s22 = i32x4.splat(0)
  let s23 = i32x4.splat(0)
  const x1 = x0 + stride
  const x2 = x1 + stride
  const bytes = (<usize>groups) << 2
  for (let at: usize = 0; at < bytes; at += 4, b += PANEL * 4) {
    const b0 = v128.load8x8_s(b) // outputs 0 and 1
    const b1 = v128.load8x8_s(b, 8)
    const b2 = v128.load8x8_s(b, 16)
    const b3 = v128.load8x8_s(b, 24)
    let x = i16x8.extend_low_i8x16_u(v128.load32_splat(x0 + at))
    s00 = i32x4.add(s00, i32x4.dot_i16x8_s(b0, x))
    s01 = i32x4.add(s01, i32x4.dot_i16x8_s(b1, x))
    s02 = i32x4.add(s02, i32x4.dot_i16x8_s(b2, x))
    s03 = i32x4.add(s03, i32x4.dot_i16x8_s(b3, x))
    if (R > 1) {
      x = i16x8.extend_low_i8x16_u(v128.load32_splat(x1 + at))
      s10 = i32x4.add(s10, i32x4.dot_i16x8_s(b0, x))
      s11 = i32x4.add(s11, i32x4.dot_i16x8_s(b1, x))
      s12 = i32x4.add(s12, i32x4.dot_i16x8_s(b2, x))
      s13 = i32x4.add(s13, i32x4.dot_i16x8_s(b3, x))
    }
    if (R > 2) {
      x = i16x8.extend_low_i8x16_u(v128.load32_splat(x2 + at))
      s20 = i32x4.add(s20, i32x4.dot_i16x8_s(b0, x))
      s21 = i32x4.add(s21, i32x4.dot_i16x8_s(b1, x))
      s22 = i32x4.add(s22, i32x4.dot_i16x8_s(b2, x))
      s23 = i32x4.add(s23, i32x4.dot_i16x8_s(b3, x))
    }
  }
  storePairs(sums, s00, s01, s02, s03)
  if (R > 1) storePairs(sums + 32, s10, s11, s12, s13)
  if (R > 2) storePairs(sums + 64, s20, s21, s22, s23)
}

@inline
function storePairs(sums: usize, s0: v128, s1: v128, s2: v128, s3: v128): void {
  v128.store(sums, i32x4.add(v128.shuffle<i32>(s0, s1, 0, 2, 4, 6), v128.shuffle<i32>(s0, s1, 1, 3, 5, 7)))
  v128.store(sums, i32x4.add(v128.shuffle<i32>(s2, s3, 0, 2, 4, 6), v128.shuffle<i32>(s2, s3, 1, 3, 5, 7)), 16)
}
