/**
 * linear for one row of x, as in every step of a decoder. Each weight is used once, so memory sets the pace: narrow weights are
 * read as they are and widened in registers. Four panels are walked at once, which gives the adder eight independent sums and the
 * memory four streams.
 */
import { LinearJob, finish } from './linear'
import { BFLOAT16, FLOAT16, FLOAT32 } from './dtypes'
import { PANEL } from './pack'
import { fma, halfBits, halfScale, splat, widenBfloat16High, widenBfloat16Low, widenFloat16High, widenFloat16Low } from './simd'

/** Panels `first` to `end` of one output row. */
export function linearRow(job: LinearJob, first: i32, end: i32, scratch: usize): void {
  const panelBytes = (<usize>job.k * PANEL) << (job.dtype == FLOAT32 ? 2 : 1)
  let p = first
  for (; p + 4 <= end && (p + 4) * PANEL <= job.n; p += 4) {
    four(job.x, job.panels + <usize>p * panelBytes, panelBytes, job.out + ((<usize>p * PANEL) << 2), job.k, job.dtype)
    for (let i = p; i < p + 4; i++) finishPanel(job, i, job.out + ((<usize>i * PANEL) << 2))
  }
  for (; p < end; p++) {
    const columns = min(PANEL, job.n - p * PANEL)
    const out = job.out + ((<usize>p * PANEL) << 2)
    one(job.x, job.panels + <usize>p * panelBytes, scratch, job.k, job.dtype)
    finishPanel(job, p, scratch)
    memory.copy(out, scratch, columns << 2)
  }
}

@inline
function finishPanel(job: LinearJob, p: i32, c: usize): void {
  finish(c, 0, 1, job.bias ? job.bias + ((<usize>p * PANEL) << 2) : 0, job.activation)
}

/** Four neighbouring panels. */
function four(x: usize, panel: usize, panelBytes: usize, out: usize, k: i32, dtype: i32): void {
  if (dtype == FLOAT32) fourOf(FLOAT32, x, panel, panelBytes, out, k)
  else if (dtype == FLOAT16) fourOf(FLOAT16, x, panel, panelBytes, out, k)
  else fourOf(BFLOAT16, x, panel, panelBytes, out, k)
}

@inline
function low(dtype: i32, at: usize, bits: v128, scale: v128): v128 {
  if (dtype == FLOAT32) return v128.load(at)
  return dtype == FLOAT16 ? widenFloat16Low(v128.load(at), bits, scale) : widenBfloat16Low(v128.load(at))
}

@inline
function high(dtype: i32, at: usize, bits: v128, scale: v128): v128 {
  if (dtype == FLOAT32) return v128.load(at, 16)
  return dtype == FLOAT16 ? widenFloat16High(v128.load(at), bits, scale) : widenBfloat16High(v128.load(at))
}

@inline
function fourOf(dtype: i32, x: usize, p0: usize, panelBytes: usize, out: usize, k: i32): void {
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
  const scale = halfScale()
  for (const end = x + ((<usize>k) << 2); x < end; x += 4) {
    const value = v128.load32_splat(x)
    s00 = fma(value, low(dtype, p0, bits, scale), s00)
    s01 = fma(value, high(dtype, p0, bits, scale), s01)
    s10 = fma(value, low(dtype, p1, bits, scale), s10)
    s11 = fma(value, high(dtype, p1, bits, scale), s11)
    s20 = fma(value, low(dtype, p2, bits, scale), s20)
    s21 = fma(value, high(dtype, p2, bits, scale), s21)
    s30 = fma(value, low(dtype, p3, bits, scale), s30)
    s31 = fma(value, high(dtype, p3, bits, scale), s31)
    p0 += step
    p1 += step
    p2 += step
    p3 += step
  }
  v128.store(out, s00)
  v128.store(out, s01, 16)
  v128.store(out, s10, 32)
  v128.store(out, s11, 48)
  v128.store(out, s20, 64)
  v128.store(out, s21, 80)
  v128.store(out, s30, 96)
  v128.store(out, s31, 112)
}

/** One panel, at the edges. */
function one(x: usize, panel: usize, out: usize, k: i32, dtype: i32): void {
  let s0 = splat(0)
  let s1 = splat(0)
  const step: usize = dtype == FLOAT32 ? 32 : 16
  const bits = halfBits()
  const scale = halfScale()
  for (const end = x + ((<usize>k) << 2); x < end; x += 4, panel += step) {
    const value = v128.load32_splat(x)
    s0 = fma(value, low(dtype, panel, bits, scale), s0)
    s1 = fma(value, high(dtype, panel, bits, scale), s1)
  }
  v128.store(out, s0)
  v128.store(out, s1, 16)
}
