/**
 * linear for one row of x, as in every step of a decoder. Each weight is used once, so memory sets the pace: narrow weights are
 * read as they are and widened in registers. Four panels are walked at once, which gives the adder eight independent sums and the
 * memory four streams:
 *
 *   x:  │ x0 │ x1 │ ... │            out
 *   panel 0:  8 weights a step  ───►  0..7      (two sums)
 *   panel 1:  8 weights a step  ───►  8..15
 *   panel 2, 3                  ───►  16..31
 *
 * float16 weights are 2^112 times too small when they have been moved to their place (simd.ts). Instead of each weight, x is
 * multiplied with 2^64 and the sum with 2^48: no product then leaves the normal numbers.
 *
 * Ladder (1 x 384 x 1536): 3 one panel at a time 13.8 GFLOP/s; 8 four panels, 2.3 times that; 9 float16 weights, 0.55 while the weight
 * lies in a cache and all has to be widened, in half of the memory.
 */
import { finish, LinearJob } from './linear-job'
import { BFLOAT16, FLOAT16, FLOAT32 } from './dtypes'
import { PANEL } from './pack'
import { constant, fma, halfBits, moveFloat16High, moveFloat16Low, splat, widenBfloat16High, widenBfloat16Low } from './simd'

/** What x and the sums are multiplied with, for each dtype. */
const INPUT_SCALES = memory.data<u32>([0x3f800000, 0x5f800000, 0x3f800000]) // 1, 2^64, 1
const SUM_SCALES = memory.data<u32>([0x3f800000, 0x57800000, 0x3f800000]) // 1, 2^48, 1

/** Panels `first` to `end` of one output row. */
export function linearRow(job: LinearJob, first: i32, end: i32, scratch: usize): void {
  const panelBytes = (<usize>job.k * PANEL) << (job.dtype == FLOAT32 ? 2 : 1)
  let p = first
  for (; p + 4 <= end && (p + 4) * PANEL <= job.n; p += 4) {
    const panel = job.panels + <usize>p * panelBytes
    const out = job.out + ((<usize>p * PANEL) << 2)
    if (job.dtype == FLOAT32) four(FLOAT32, job.x, panel, panelBytes, out, job.k)
    else if (job.dtype == FLOAT16) four(FLOAT16, job.x, panel, panelBytes, out, job.k)
    else four(BFLOAT16, job.x, panel, panelBytes, out, job.k)
    for (let i = p; i < p + 4; i++) finishPanel(job, i, job.out + ((<usize>i * PANEL) << 2))
  }
  for (; p < end; p++) {
    one(job.dtype, job.x, job.panels + <usize>p * panelBytes, scratch, job.k)
    finishPanel(job, p, scratch)
    memory.copy(job.out + ((<usize>p * PANEL) << 2), scratch, min(PANEL, job.n - p * PANEL) << 2)
  }
}

@inline
function finishPanel(job: LinearJob, p: i32, c: usize): void {
  finish(c, 0, 1, job.bias ? job.bias + ((<usize>p * PANEL) << 2) : 0, job.activation)
}

@inline
function low(dtype: i32, at: usize, bits: v128): v128 {
  if (dtype == FLOAT32) return v128.load(at)
  return dtype == FLOAT16 ? moveFloat16Low(v128.load(at), bits) : widenBfloat16Low(v128.load(at))
}

@inline
function high(dtype: i32, at: usize, bits: v128): v128 {
  if (dtype == FLOAT32) return v128.load(at, 16)
  return dtype == FLOAT16 ? moveFloat16High(v128.load(at), bits) : widenBfloat16High(v128.load(at))
}

/** Four neighbouring panels; inlined once for each dtype. */
@inline
function four(dtype: i32, x: usize, p0: usize, panelBytes: usize, out: usize, k: i32): void {
  let s00 = splat(0)
  let s01 = splat(0)
  let s10 = splat(0)
  let s11 = splat(0)
  let s20 = splat(0)
  let s21 = splat(0)
  let s30 = splat(0)
  let s31 = splat(0)
  let p1 = p0 + panelBytes
  let p2 = p1 + panelBytes
  let p3 = p2 + panelBytes
  const step: usize = dtype == FLOAT32 ? 32 : 16
  const bits = halfBits()
  const inputScale = constant(INPUT_SCALES + 4 * dtype)
  for (const end = x + ((<usize>k) << 2); x < end; x += 4) {
    let value = v128.load32_splat(x)
    if (dtype == FLOAT16) value = f32x4.mul(value, inputScale)
    s00 = fma(value, low(dtype, p0, bits), s00)
    s01 = fma(value, high(dtype, p0, bits), s01)
    s10 = fma(value, low(dtype, p1, bits), s10)
    s11 = fma(value, high(dtype, p1, bits), s11)
    s20 = fma(value, low(dtype, p2, bits), s20)
    s21 = fma(value, high(dtype, p2, bits), s21)
    s30 = fma(value, low(dtype, p3, bits), s30)
    s31 = fma(value, high(dtype, p3, bits), s31)
    p0 += step
    p1 += step
    p2 += step
    p3 += step
  }
  const sumScale = constant(SUM_SCALES + 4 * dtype)
  v128.store(out, f32x4.mul(s00, sumScale))
  v128.store(out, f32x4.mul(s01, sumScale), 16)
  v128.store(out, f32x4.mul(s10, sumScale), 32)
  v128.store(out, f32x4.mul(s11, sumScale), 48)
  v128.store(out, f32x4.mul(s20, sumScale), 64)
  v128.store(out, f32x4.mul(s21, sumScale), 80)
  v128.store(out, f32x4.mul(s30, sumScale), 96)
  v128.store(out, f32x4.mul(s31, sumScale), 112)
}

/** One panel, at the edges. */
function one(dtype: i32, x: usize, panel: usize, out: usize, k: i32): void {
  let s0 = splat(0)
  let s1 = splat(0)
  const step: usize = dtype == FLOAT32 ? 32 : 16
  const bits = halfBits()
  const inputScale = constant(INPUT_SCALES + 4 * dtype)
  for (const end = x + ((<usize>k) << 2); x < end; x += 4, panel += step) {
    const value = f32x4.mul(v128.load32_splat(x), inputScale)
    s0 = fma(value, low(dtype, panel, bits), s0)
    s1 = fma(value, high(dtype, panel, bits), s1)
  }
  const sumScale = constant(SUM_SCALES + 4 * dtype)
  v128.store(out, f32x4.mul(s0, sumScale))
  v128.store(out, f32x4.mul(s1, sumScale), 16)
}
