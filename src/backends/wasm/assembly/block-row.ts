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
  highIntegers,
  inPairs,
  IQ4_NL,
  isSuper,
  lowBits,
  lowIntegers,
  minima,
  nextGroup,
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

/** The four products that a step of 8-bit integers adds to each lane, in 16 bits where eight such steps fit, else in 32. */
@inline
function addQuads(f: i32, sum: v128, x: v128, integers: v128): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return sum // that build has pairs alone
  if (lowBits(f) + extraBits(f) < 6) return i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(x, integers))
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, integers, sum)
}

/** Sums of quads in 32 bits. */
@inline
function wide(f: i32, sum: v128): v128 {
  return inPairs(f) || lowBits(f) + extraBits(f) == 6 ? sum : i32x4.extadd_pairwise_i16x8_s(sum)
}

/** Groups of four columns that are added before their sum is widened or scaled. */
@inline
function groupsTogether(f: i32): i32 {
  return subOf(f) == 32 && (inPairs(f) || lowBits(f) + extraBits(f) <= 4) && extraBits(f) == 0 ? 8 : 4
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
    let plane = panel + scaleBytes(f)
    let extra = plane + 32 * lowBits(f)
    const xScale = v128.load32_splat(xScales)
    let products0 = splat(0)
    let products1 = splat(0)
    for (let part = 0; part < 8 / groupsTogether(f); part++) {
      let group0 = splat(0)
      let group1 = splat(0)
      let low = splat(0)
      let high = splat(0)
      let extraLow = splat(0)
      let extraHigh = splat(0)
      if (lowBits(f) == 2) {
        low = v128.load(plane)
        high = v128.load(plane, 16)
        plane += 32
      }
      if (extraBits(f)) {
        extraLow = v128.load(extra)
        extraHigh = extraBits(f) == 2 ? v128.load(extra, 16) : extraLow
        extra += 16 * extraBits(f)
      }
      for (let g = 0; g < groupsTogether(f); g++) {
        if (f == Q8_0) {
          const first = v128.load32_splat(x)
          const last = v128.load32_splat(x, 4)
          x += 8
          group0 = i32x4.add(group0, i32x4.dot_i16x8_s(v128.load8x8_s(plane), first))
          group1 = i32x4.add(group1, i32x4.dot_i16x8_s(v128.load8x8_s(plane, 8), first))
          group0 = i32x4.add(group0, i32x4.dot_i16x8_s(v128.load8x8_s(plane, 16), last))
          group1 = i32x4.add(group1, i32x4.dot_i16x8_s(v128.load8x8_s(plane, 24), last))
          plane += 32
          continue
        }
        if (lowBits(f) == 4) {
          low = v128.load(plane)
          high = low
          plane += 16
        }
        const a = lowIntegers(f, low, extraLow)
        const b = highIntegers(f, high, extraHigh)
        if (inPairs(f)) {
          const first = v128.load32_splat(x)
          const last = v128.load32_splat(x, 4)
          x += 8
          group0 = i32x4.add(group0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(a), first))
          group1 = i32x4.add(group1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(a), first))
          group0 = i32x4.add(group0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(b), last))
          group1 = i32x4.add(group1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(b), last))
        } else {
          const four = v128.load32_splat(x)
          x += 4
          group0 = addQuads(f, group0, four, a)
          group1 = addQuads(f, group1, four, b)
        }
        if (lowBits(f) == 2) {
          low = nextGroup(2, low)
          high = nextGroup(2, high)
        }
        if (extraBits(f)) {
          extraLow = nextGroup(extraBits(f), extraLow)
          extraHigh = extraBits(f) == 2 ? nextGroup(2, extraHigh) : extraLow
        }
      }
      if (subOf(f) == 32) {
        products0 = i32x4.add(products0, wide(f, group0))
        products1 = i32x4.add(products1, wide(f, group1))
      } else {
        const xSum = v128.load32_splat(xSums)
        xSums += 4
        const scale0 = scales(f, panel, part, 0, d0)
        const scale1 = scales(f, panel, part, 1, d1)
        const least0 = hasMinimum(f) ? minima(f, panel, part, 0, m0) : xSum
        const least1 = hasMinimum(f) ? minima(f, panel, part, 1, m1) : xSum
        sum0 = addScaled(f, sum0, wide(f, group0), scale0, least0, xScale, xSum)
        sum1 = addScaled(f, sum1, wide(f, group1), scale1, least1, xScale, xSum)
      }
    }
    if (subOf(f) == 32) {
      const xSum = v128.load32_splat(xSums)
      xSums += 4
      const scale0 = scales(f, panel, 0, 0, d0)
      const scale1 = scales(f, panel, 0, 1, d1)
      const least0 = hasMinimum(f) ? minima(f, panel, 0, 0, m0) : xSum
      const least1 = hasMinimum(f) ? minima(f, panel, 0, 1, m1) : xSum
      sum0 = addScaled(f, sum0, products0, scale0, least0, xScale, xSum)
      sum1 = addScaled(f, sum1, products1, scale1, least1, xScale, xSum)
    }
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
      return rowQ40(x, xScales, xSums, panel, columns, out)
    case Q4_1:
      return rowQ41(x, xScales, xSums, panel, columns, out)
    case Q5_0:
      return rowQ50(x, xScales, xSums, panel, columns, out)
    case Q5_1:
      return rowQ51(x, xScales, xSums, panel, columns, out)
    case Q8_0:
      return rowQ80(x, xScales, xSums, panel, columns, out)
    case Q2_K:
      return rowQ2K(x, xScales, xSums, panel, columns, out)
    case Q3_K:
      return rowQ3K(x, xScales, xSums, panel, columns, out)
    case Q4_K:
      return rowQ4K(x, xScales, xSums, panel, columns, out)
    case Q5_K:
      return rowQ5K(x, xScales, xSums, panel, columns, out)
    case Q6_K:
      return rowQ6K(x, xScales, xSums, panel, columns, out)
    default:
      return rowIq4Nl(x, xScales, xSums, panel, columns, out)
  }
}

// A function for each format: one that held them all would have too many values for the engine's better register allocation.

function rowQ40(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q4_0, x, xScales, xSums, panel, columns, out)
}

function rowQ41(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q4_1, x, xScales, xSums, panel, columns, out)
}

function rowQ50(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q5_0, x, xScales, xSums, panel, columns, out)
}

function rowQ51(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q5_1, x, xScales, xSums, panel, columns, out)
}

function rowQ80(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q8_0, x, xScales, xSums, panel, columns, out)
}

function rowQ2K(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q2_K, x, xScales, xSums, panel, columns, out)
}

function rowQ3K(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q3_K, x, xScales, xSums, panel, columns, out)
}

function rowQ4K(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q4_K, x, xScales, xSums, panel, columns, out)
}

function rowQ5K(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q5_K, x, xScales, xSums, panel, columns, out)
}

function rowQ6K(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(Q6_K, x, xScales, xSums, panel, columns, out)
}

function rowIq4Nl(x: usize, xScales: usize, xSums: usize, panel: usize, columns: i32, out: usize): void {
  rowOf(IQ4_NL, x, xScales, xSums, panel, columns, out)
}
