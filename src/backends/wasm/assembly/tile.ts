/**
 * The micro-kernel under every product of matrices: C (R x 8) = A (R x k) B (k x 8), R from 1 to 6.
 *
 *        B: one step of k is 8 neighbours          registers for R = 6 (15 of 16):
 *           ┌ b0 ──┬ b1 ──┐                          12 sums, b0, b1, and one splat of A
 *       k ↓ │ 0..3 │ 4..7 │
 *           └──────┴──────┘                        one step of k, for each row r:
 *   A:  k →                                          x = splat(A[r][k])
 *   ┌ row 0 ···                 C:                   sum[r][0] += x * b0
 *   │ ...            ───►       R rows of 8          sum[r][1] += x * b1
 *   └ row 5 ···
 *
 * Every element of B that is loaded is used six times, every element of A eight times, and no sum leaves its register until k
 * is through: 12 multiply-adds for 8 loads. The loop is left as small as this: with four steps of k written out it is a sixth slower,
 * because the compiler then runs out of registers.
 *
 * Ladder (bench/groups/ladder.ts; 384 x 384 x 1536, one thread, Node 24): 0 plain TypeScript 3.6 GFLOP/s; 1 scalar WebAssembly 0.7 times
 * that; 2 SIMD along k 4.6 times more; 3 panels of eight, one row at a time, 1.6; 4 this tile, 1.5; 5 fused multiply-add, the
 * relaxed build, 1.9.
 */
import { fma, splat } from './simd'

/** Rows of the largest tile. */
export const TILE_ROWS = 6

/**
 * One tile, C = A B. Strides are in bytes: `lda` from row to row of A, `ldb` from one step of k to the next in B, `ldc` from row to
 * row of C.
 */
export function tile(rows: i32, a: usize, lda: usize, b: usize, ldb: usize, c: usize, ldc: usize, k: i32): void {
  if (rows == 6) tileOf(6, a, lda, b, ldb, c, ldc, k, false)
  else if (rows == 5) tileOf(5, a, lda, b, ldb, c, ldc, k, false)
  else if (rows == 4) tileOf(4, a, lda, b, ldb, c, ldc, k, false)
  else if (rows == 3) tileOf(3, a, lda, b, ldb, c, ldc, k, false)
  else if (rows == 2) tileOf(2, a, lda, b, ldb, c, ldc, k, false)
  else tileOf(1, a, lda, b, ldb, c, ldc, k, false)
}

/** C += A B. */
export function addTile(rows: i32, a: usize, lda: usize, b: usize, ldb: usize, c: usize, ldc: usize, k: i32): void {
  if (rows == 6) tileOf(6, a, lda, b, ldb, c, ldc, k, true)
  else if (rows == 5) tileOf(5, a, lda, b, ldb, c, ldc, k, true)
  else if (rows == 4) tileOf(4, a, lda, b, ldb, c, ldc, k, true)
  else if (rows == 3) tileOf(3, a, lda, b, ldb, c, ldc, k, true)
  else if (rows == 2) tileOf(2, a, lda, b, ldb, c, ldc, k, true)
  else tileOf(1, a, lda, b, ldb, c, ldc, k, true)
}

/** Inlined once for each constant R, so that the comparisons with R are decided by the compiler. */
@inline
function tileOf(R: i32, a: usize, lda: usize, b: usize, ldb: usize, c: usize, ldc: usize, k: i32, accumulate: bool): void {
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
  if (accumulate) {
    s00 = v128.load(c)
    s01 = v128.load(c, 16)
    if (R > 1) {
      s10 = v128.load(c + ldc)
      s11 = v128.load(c + ldc, 16)
    }
    if (R > 2) {
      s20 = v128.load(c + 2 * ldc)
      s21 = v128.load(c + 2 * ldc, 16)
    }
    if (R > 3) {
      s30 = v128.load(c + 3 * ldc)
      s31 = v128.load(c + 3 * ldc, 16)
    }
    if (R > 4) {
      s40 = v128.load(c + 4 * ldc)
      s41 = v128.load(c + 4 * ldc, 16)
    }
    if (R > 5) {
      s50 = v128.load(c + 5 * ldc)
      s51 = v128.load(c + 5 * ldc, 16)
    }
  }
  const a1 = a + lda
  const a2 = a1 + lda
  const a3 = a2 + lda
  const a4 = a3 + lda
  const a5 = a4 + lda
  const bytes = (<usize>k) << 2
  for (let at: usize = 0; at < bytes; at += 4, b += ldb) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let x = v128.load32_splat(a + at)
    s00 = fma(x, b0, s00)
    s01 = fma(x, b1, s01)
    if (R > 1) {
      x = v128.load32_splat(a1 + at)
      s10 = fma(x, b0, s10)
      s11 = fma(x, b1, s11)
    }
    if (R > 2) {
      x = v128.load32_splat(a2 + at)
      s20 = fma(x, b0, s20)
      s21 = fma(x, b1, s21)
    }
    if (R > 3) {
      x = v128.load32_splat(a3 + at)
      s30 = fma(x, b0, s30)
      s31 = fma(x, b1, s31)
    }
    if (R > 4) {
      x = v128.load32_splat(a4 + at)
      s40 = fma(x, b0, s40)
      s41 = fma(x, b1, s41)
    }
    if (R > 5) {
      x = v128.load32_splat(a5 + at)
      s50 = fma(x, b0, s50)
      s51 = fma(x, b1, s51)
    }
  }
  v128.store(c, s00)
  v128.store(c, s01, 16)
  if (R > 1) {
    v128.store(c + ldc, s10)
    v128.store(c + ldc, s11, 16)
  }
  if (R > 2) {
    v128.store(c + 2 * ldc, s20)
    v128.store(c + 2 * ldc, s21, 16)
  }
  if (R > 3) {
    v128.store(c + 3 * ldc, s30)
    v128.store(c + 3 * ldc, s31, 16)
  }
  if (R > 4) {
    v128.store(c + 4 * ldc, s40)
    v128.store(c + 4 * ldc, s41, 16)
  }
  if (R > 5) {
    v128.store(c + 5 * ldc, s50)
    v128.store(c + 5 * ldc, s51, 16)
  }
}
