/**
 * The product of one row of x with panels of blocks, as in every step of a decoder: the weights are read once, in the form that they have in
 * memory, and opened in registers. For eight outputs and 32 columns:
 *
 *   quads  low half of a vector: outputs 0…3 │ high half: outputs 4…7      one splat of four x for both
 *          pairs of products in 16 bits: up to 8 groups of 4-bit integers fit, then they are widened to 32 bits
 *   pairs  integers widened to 16 bits, products added in pairs to 32 bits
 *   sum[output] += scale[output] · scale of x · integer sum + minimum[output] · sum of x
 */
import {
  extraBits,
  halves,
  hasMinimum,
  headerBytes,
  inPairs,
  integers,
  IQ4_NL,
  isSuper,
  lowBits,
  minima,
  offsetOf,
  panelBlockBytes,
  Q2_K,
  Q3_K,
  Q4_0,
  Q4_1,
  Q4_K,
  Q5_0,
  Q5_1,
  Q5_K,
  Q6_K,
  Q8_0,
  scaleBytes,
  scales,
  subOf,
} from './block-formats'
import { fma, splat } from './simd'

/** Products of group g with the four rows of `high`, added in pairs to 16 bits. */
@inline
function dot16(f: i32, planes: usize, x: usize, g: i32, high: i32): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return splat(0) // that build has pairs alone
  return i16x8.relaxed_dot_i8x16_i7x16_s(v128.load32_splat(x + 4 * g), integers(f, planes, g, high))
}

/** Products of group g with the four rows of `high`, in 32 bits; x is of 16 bits. */
@inline
function dot32(f: i32, planes: usize, x: usize, g: i32, high: i32): v128 {
  let first: v128
  let last: v128
  if (f == Q8_0) {
    first = v128.load8x8_s(planes + 32 * g + 8 * high)
    last = v128.load8x8_s(planes + 32 * g + 16 + 8 * high)
  } else {
    const low = integers(f, planes, g, 0)
    const up = integers(f, planes, g, 1)
    first = high ? i16x8.extend_high_i8x16_s(low) : i16x8.extend_low_i8x16_s(low)
    last = high ? i16x8.extend_high_i8x16_s(up) : i16x8.extend_low_i8x16_s(up)
  }
  return i32x4.add(
    i32x4.dot_i16x8_s(first, v128.load32_splat(x + 8 * g)),
    i32x4.dot_i16x8_s(last, v128.load32_splat(x + 8 * g + 4)),
  )
}

@inline
function four16(f: i32, planes: usize, x: usize, g: i32, high: i32): v128 {
  return i16x8.add(
    i16x8.add(dot16(f, planes, x, g, high), dot16(f, planes, x, g + 1, high)),
    i16x8.add(dot16(f, planes, x, g + 2, high), dot16(f, planes, x, g + 3, high)),
  )
}

/** Sum of the products of 16 columns: s is 0 or 1. */
@inline
function sum16(f: i32, planes: usize, x: usize, s: i32, high: i32): v128 {
  const g = 4 * s
  if (inPairs(f)) {
    return i32x4.add(
      i32x4.add(dot32(f, planes, x, g, high), dot32(f, planes, x, g + 1, high)),
      i32x4.add(dot32(f, planes, x, g + 2, high), dot32(f, planes, x, g + 3, high)),
    )
  }
  if (lowBits(f) + extraBits(f) < 6) return i32x4.extadd_pairwise_i16x8_s(four16(f, planes, x, g, high))
  return i32x4.add(
    i32x4.extadd_pairwise_i16x8_s(i16x8.add(dot16(f, planes, x, g, high), dot16(f, planes, x, g + 1, high))),
    i32x4.extadd_pairwise_i16x8_s(i16x8.add(dot16(f, planes, x, g + 2, high), dot16(f, planes, x, g + 3, high))),
  )
}

/** Sum of the products of 32 columns. */
@inline
function sum32(f: i32, planes: usize, x: usize, high: i32): v128 {
  if (inPairs(f) || lowBits(f) + extraBits(f) > 4) {
    return i32x4.add(sum16(f, planes, x, 0, high), sum16(f, planes, x, 1, high))
  }
  return i32x4.extadd_pairwise_i16x8_s(
    i16x8.add(four16(f, planes, x, 0, high), four16(f, planes, x, 4, high)),
  )
}

/** sum + scale · (integers - offset) · x, and the minimum, for four outputs and one sub-block. */
@inline
function addScaled(f: i32, sum: v128, products: v128, scale: v128, minimum: v128, xScale: v128, xSum: v128): v128 {
  const floats = f32x4.convert_i32x4_s(products)
  if (offsetOf(f)) {
    const shifted = fma(floats, xScale, f32x4.mul(xSum, splat(<f32>-offsetOf(f))))
    return fma(scale, shifted, sum)
  }
  const scaled = fma(scale, f32x4.mul(floats, xScale), sum)
  return hasMinimum(f) ? fma(minimum, xSum, scaled) : scaled
}

/** Eight sums of one row of x and one panel, to `out`. */
@inline
function rowOf(f: i32, x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  let sum0 = splat(0)
  let sum1 = splat(0)
  let d0 = splat(0)
  let d1 = splat(0)
  let m0 = splat(0)
  let m1 = splat(0)
  const xBytes: usize = inPairs(f) ? 64 : 32
  for (let k = 0; k < columns; k += 32) {
    if (isSuper(f) && (k & 255) == 0) {
      d0 = halves(panel, 0)
      d1 = halves(panel, 1)
      if (hasMinimum(f)) {
        m0 = halves(panel + 16, 0)
        m1 = halves(panel + 16, 1)
      }
      panel += headerBytes(f)
    }
    const planes = panel + scaleBytes(f)
    const xScale = v128.load32_splat(xScales)
    const xSum = v128.load32_splat(xSums)
    if (subOf(f) == 32) {
      const low0 = hasMinimum(f) ? minima(f, panel, 0, 0, m0) : sum0
      const low1 = hasMinimum(f) ? minima(f, panel, 0, 1, m1) : sum1
      sum0 = addScaled(f, sum0, sum32(f, planes, x, 0), scales(f, panel, 0, 0, d0), low0, xScale, xSum)
      sum1 = addScaled(f, sum1, sum32(f, planes, x, 1), scales(f, panel, 0, 1, d1), low1, xScale, xSum)
      xSums += 4
    } else {
      const xNext = v128.load32_splat(xSums, 4)
      const low00 = hasMinimum(f) ? minima(f, panel, 0, 0, m0) : sum0
      const low01 = hasMinimum(f) ? minima(f, panel, 0, 1, m1) : sum0
      const low10 = hasMinimum(f) ? minima(f, panel, 1, 0, m0) : sum0
      const low11 = hasMinimum(f) ? minima(f, panel, 1, 1, m1) : sum0
      sum0 = addScaled(f, sum0, sum16(f, planes, x, 0, 0), scales(f, panel, 0, 0, d0), low00, xScale, xSum)
      sum1 = addScaled(f, sum1, sum16(f, planes, x, 0, 1), scales(f, panel, 0, 1, d1), low01, xScale, xSum)
      sum0 = addScaled(f, sum0, sum16(f, planes, x, 1, 0), scales(f, panel, 1, 0, d0), low10, xScale, xNext)
      sum1 = addScaled(f, sum1, sum16(f, planes, x, 1, 1), scales(f, panel, 1, 1, d1), low11, xScale, xNext)
      xSums += 8
    }
    x += xBytes
    xScales += 4
    panel += panelBlockBytes(f)
  }
  v128.store(out, sum0)
  v128.store(out, sum1, 16)
}

/** Eight outputs of one row of x: panel · x, to `out`. */
export function blockRow(
  format: i32,
  x: usize,
  xScales: usize,
  xSums: usize,
  panel: usize,
  columns: i32,
  out: usize,
): void {
  switch (format) {
    case Q4_0:
      return rowOf(Q4_0, x, xScales, xSums, panel, columns, out)
    case Q4_1:
      return rowOf(Q4_1, x, xScales, xSums, panel, columns, out)
    case Q5_0:
      return rowOf(Q5_0, x, xScales, xSums, panel, columns, out)
    case Q5_1:
      return rowOf(Q5_1, x, xScales, xSums, panel, columns, out)
    case Q8_0:
      return rowOf(Q8_0, x, xScales, xSums, panel, columns, out)
    case Q2_K:
      return rowOf(Q2_K, x, xScales, xSums, panel, columns, out)
    case Q3_K:
      return rowOf(Q3_K, x, xScales, xSums, panel, columns, out)
    case Q4_K:
      return rowOf(Q4_K, x, xScales, xSums, panel, columns, out)
    case Q5_K:
      return rowOf(Q5_K, x, xScales, xSums, panel, columns, out)
    case Q6_K:
      return rowOf(Q6_K, x, xScales, xSums, panel, columns, out)
    default:
      return rowOf(IQ4_NL, x, xScales, xSums, panel, columns, out)
  }
}
