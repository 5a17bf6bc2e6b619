/**
 * The micro-kernel for many rows of x and blocks: C (R x 8) += x w, R from 1 to 6. The panel of w was opened before, once for all rows: its
 * integers lie in steps of 32 bytes, those of eight outputs, and each sub-block has a scale for each output.
 *
 *   for each sub-block of 16 or 32 columns
 *     for each step: two vectors of w, and for each row a splat of four bytes of x       12 integer sums in registers
 *     for each row: C[row] += scale of w · scale of x · integer sums                     C in memory, in the first cache
 *
 * A step is four columns of 8-bit integers (quads), or two columns of 16-bit integers (pairs). The products of quads are added in pairs to 16
 * bits (SHORT: the eight
 * groups of 4-bit w fit; HALVES: four groups of 5-bit w, whose sums wait in memory for those of the other four) or four by four to 32 bits (LONG).
 */
import { fma, splat } from './simd'

/** Rows of the largest tile. */
export const BLOCK_TILE_ROWS = 6
/** The same for SHORT and HALVES, whose products need a register between the instructions: V8 has 15 to give. */
export const SHORT_TILE_ROWS = 5

export const SHORT = 0
export const LONG = 1
export const PAIRS = 2
export const HALVES = 3

/** Where a tile reads and writes. Rows of the scales of x are `scaleStride` bytes apart, those of c `ldc`. */
@unmanaged
export class BlockTile {
  x: usize // [steps][R] of four bytes, block-input.ts
  xScales: usize
  scaleStride: usize
  w: usize
  scales: usize // [sub-blocks][8]
  c: usize
  ldc: usize
  halves: usize // [R][8] int32
  columns: i32
  sub: i32
}

export function blockTile(mode: i32, rows: i32, t: BlockTile): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (mode == SHORT) return shortTile(rows, t)
    if (mode == HALVES) return halvesTile(rows, t)
    if (mode == LONG) return longTile(rows, t)
  }
  pairsTile(rows, t)
}

// A function for each mode, so that none is too large for the engine's better register allocation.

function shortTile(rows: i32, t: BlockTile): void {
  tileOf(SHORT, rows, t)
}

function halvesTile(rows: i32, t: BlockTile): void {
  tileOf(HALVES, rows, t)
}

function longTile(rows: i32, t: BlockTile): void {
  tileOf(LONG, rows, t)
}

function pairsTile(rows: i32, t: BlockTile): void {
  tileOf(PAIRS, rows, t)
}

@inline
function tileOf(mode: i32, rows: i32, t: BlockTile): void {
  if (rows == 6) rowsOf(mode, 6, t)
  else if (rows == 5) rowsOf(mode, 5, t)
  else if (rows == 4) rowsOf(mode, 4, t)
  else if (rows == 3) rowsOf(mode, 3, t)
  else if (rows == 2) rowsOf(mode, 2, t)
  else rowsOf(mode, 1, t)
}

@inline
function add(mode: i32, sum: v128, w: v128, x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (mode == SHORT || mode == HALVES) return i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(x, w))
    if (mode == LONG) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sum)
  }
  return i32x4.add(sum, i32x4.dot_i16x8_s(w, x))
}

/** C += scale · x scale · sum, for four outputs. */
@inline
function scaleOut(mode: i32, c: usize, sum: v128, halves: usize, scale: v128, xScale: v128): void {
  let products = mode == SHORT || mode == HALVES ? i32x4.extadd_pairwise_i16x8_s(sum) : sum
  if (mode == HALVES) products = i32x4.add(products, v128.load(halves))
  const floats = f32x4.convert_i32x4_s(products)
  v128.store(c, fma(f32x4.mul(scale, xScale), floats, v128.load(c)))
}

@inline
function rowsOf(mode: i32, R: i32, t: BlockTile): void {
  let x = t.x
  let w = t.w
  const sub = t.sub
  const subBytes = (<usize>sub) << (mode == PAIRS ? 4 : 3)
  const end = w + ((<usize>t.columns) << (mode == PAIRS ? 4 : 3))
  const scaleStride = t.scaleStride
  const ldc = t.ldc
  const c = t.c
  const halves = t.halves
  let scales = t.scales
  let xScales = t.xScales
  let isSecond = false
  while (w < end) {
    let s00 = splat(0)
    let s01 = splat(0)
    let s10 = splat(0)
    let s11 = splat(0)
    let s20 = splat(0)
    let s21 = splat(0)
    let s30 = splat(0)
    let s31 = splat(0)
    let s40 = splat(0)
    let s41 = splat(0)
    let s50 = splat(0)
    let s51 = splat(0)
    if (mode == HALVES) {
      for (const stop = w + subBytes / 2; w < stop; w += 32, x += 4 * R) {
        const w0 = v128.load(w)
        const w1 = v128.load(w, 16)
        let four = v128.load32_splat(x)
        s00 = add(mode, s00, w0, four)
        s01 = add(mode, s01, w1, four)
        if (R > 1) {
          four = v128.load32_splat(x, 4)
          s10 = add(mode, s10, w0, four)
          s11 = add(mode, s11, w1, four)
        }
        if (R > 2) {
          four = v128.load32_splat(x, 8)
          s20 = add(mode, s20, w0, four)
          s21 = add(mode, s21, w1, four)
        }
        if (R > 3) {
          four = v128.load32_splat(x, 12)
          s30 = add(mode, s30, w0, four)
          s31 = add(mode, s31, w1, four)
        }
        if (R > 4) {
          four = v128.load32_splat(x, 16)
          s40 = add(mode, s40, w0, four)
          s41 = add(mode, s41, w1, four)
        }
        if (R > 5) {
          four = v128.load32_splat(x, 20)
          s50 = add(mode, s50, w0, four)
          s51 = add(mode, s51, w1, four)
        }
      }
      v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s00))
      v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s01), 16)
      s00 = splat(0)
      s01 = splat(0)
      if (R > 1) {
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s10), 32)
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s11), 48)
        s10 = splat(0)
        s11 = splat(0)
      }
      if (R > 2) {
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s20), 64)
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s21), 80)
        s20 = splat(0)
        s21 = splat(0)
      }
      if (R > 3) {
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s30), 96)
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s31), 112)
        s30 = splat(0)
        s31 = splat(0)
      }
      if (R > 4) {
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s40), 128)
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s41), 144)
        s40 = splat(0)
        s41 = splat(0)
      }
      if (R > 5) {
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s50), 160)
        v128.store(halves, i32x4.extadd_pairwise_i16x8_s(s51), 176)
        s50 = splat(0)
        s51 = splat(0)
      }
    }
    for (const stop = mode == HALVES ? w + subBytes / 2 : w + subBytes; w < stop; w += 32, x += 4 * R) {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      let four = v128.load32_splat(x)
      s00 = add(mode, s00, w0, four)
      s01 = add(mode, s01, w1, four)
      if (R > 1) {
        four = v128.load32_splat(x, 4)
        s10 = add(mode, s10, w0, four)
        s11 = add(mode, s11, w1, four)
      }
      if (R > 2) {
        four = v128.load32_splat(x, 8)
        s20 = add(mode, s20, w0, four)
        s21 = add(mode, s21, w1, four)
      }
      if (R > 3) {
        four = v128.load32_splat(x, 12)
        s30 = add(mode, s30, w0, four)
        s31 = add(mode, s31, w1, four)
      }
      if (R > 4) {
        four = v128.load32_splat(x, 16)
        s40 = add(mode, s40, w0, four)
        s41 = add(mode, s41, w1, four)
      }
      if (R > 5) {
        four = v128.load32_splat(x, 20)
        s50 = add(mode, s50, w0, four)
        s51 = add(mode, s51, w1, four)
      }
    }
    const scale0 = v128.load(scales)
    const scale1 = v128.load(scales, 16)
    scales += 32
    let xScale = v128.load32_splat(xScales)
    scaleOut(mode, c, s00, halves + 0, scale0, xScale)
    scaleOut(mode, c + 16, s01, halves + 16, scale1, xScale)
    if (R > 1) {
      xScale = v128.load32_splat(xScales + 1 * scaleStride)
      scaleOut(mode, c + 1 * ldc, s10, halves + 32, scale0, xScale)
      scaleOut(mode, c + 1 * ldc + 16, s11, halves + 48, scale1, xScale)
    }
    if (R > 2) {
      xScale = v128.load32_splat(xScales + 2 * scaleStride)
      scaleOut(mode, c + 2 * ldc, s20, halves + 64, scale0, xScale)
      scaleOut(mode, c + 2 * ldc + 16, s21, halves + 80, scale1, xScale)
    }
    if (R > 3) {
      xScale = v128.load32_splat(xScales + 3 * scaleStride)
      scaleOut(mode, c + 3 * ldc, s30, halves + 96, scale0, xScale)
      scaleOut(mode, c + 3 * ldc + 16, s31, halves + 112, scale1, xScale)
    }
    if (R > 4) {
      xScale = v128.load32_splat(xScales + 4 * scaleStride)
      scaleOut(mode, c + 4 * ldc, s40, halves + 128, scale0, xScale)
      scaleOut(mode, c + 4 * ldc + 16, s41, halves + 144, scale1, xScale)
    }
    if (R > 5) {
      xScale = v128.load32_splat(xScales + 5 * scaleStride)
      scaleOut(mode, c + 5 * ldc, s50, halves + 160, scale0, xScale)
      scaleOut(mode, c + 5 * ldc + 16, s51, halves + 176, scale1, xScale)
    }
    // Two sub-blocks of 16 columns share the scale of 32 columns of x.
    if (sub == 32 || isSecond) xScales += 4
    isSecond = !isSecond
  }
}
