/**
 * The block formats of GGUF (tensor/blocks/) as the kernels keep them: as many bits as in the file, in panels of eight rows.
 *
 * A panel holds, for each 32 columns, one panel block; the K formats have a header before each 256 columns:
 *
 *   header   d of the 8 rows, float16 │ dmin of the 8 rows, float16 (q2_k, q4_k, q5_k)
 *   block    scales of the 8 rows     │ low plane               │ extra plane
 *            16 or 32 bytes           │ 2, 4 or 8 bits a value  │ 1 or 2 bits a value, or none
 *
 * The integers of a block are 16 vectors of 16 bytes, low and high ones of each group g of four columns. In quads, for the dot product of
 * 8-bit integers, low is rows 0…3 and high rows 4…7, each with the four columns side by side. In pairs, for that of 16-bit integers,
 * low is columns 0 and 1 and high columns 2 and 3 of all eight rows:
 *
 *   quads  low  │ r0 k0..k3 │ r1 k0..k3 │ r2 │ r3 │     high │ r4 │ r5 │ r6 │ r7 │
 *   pairs  low  │ r0 k0 k1 │ r1 k0 k1 │ ... │ r7 │      high │ r0 k2 k3 │ ... │ r7 │
 *
 * A plane keeps some bits of each byte of these vectors, so that loops over the four groups of 16 columns find them by the same shifts:
 *
 *   4 bits  a vector for each group: low in the lower half of each byte, high in the upper half
 *   2 bits  two vectors for four groups: low of all four, then high of all four, two bits for each group from below
 *   1 bit   one vector for four groups: low in the lower half of each byte, high in the upper half, one bit for each group
 *   8 bits  low and high of each group
 */
import { halfScale, moveFloat16High, moveFloat16Low, halfBits } from './simd'

/** Numbers of the formats, those of GGUF. */
export const Q4_0 = 2
export const Q4_1 = 3
export const Q5_0 = 6
export const Q5_1 = 7
export const Q8_0 = 8
export const Q2_K = 10
export const Q3_K = 11
export const Q4_K = 12
export const Q5_K = 13
export const Q6_K = 14
export const IQ4_NL = 20

/** Whether 256 columns share a header. */
@inline
export function isSuper(f: i32): bool {
  return f >= Q2_K && f <= Q6_K
}

/** Columns that share a scale. */
@inline
export function subOf(f: i32): i32 {
  return f == Q2_K || f == Q3_K || f == Q6_K ? 16 : 32
}

/** Bits of the low plane. */
@inline
export function lowBits(f: i32): i32 {
  return f == Q8_0 ? 8 : f == Q2_K || f == Q3_K ? 2 : 4
}

/** Bits of the extra plane. */
@inline
export function extraBits(f: i32): i32 {
  return f == Q6_K ? 2 : f == Q5_0 || f == Q5_1 || f == Q5_K || f == Q3_K ? 1 : 0
}

/** Whether the integers are in pairs. Those of 8 bits with a sign do not fit the seven bits of the relaxed dot product. */
@inline
export function inPairs(f: i32): bool {
  return !ASC_FEATURE_RELAXED_SIMD || f == Q8_0 || f == IQ4_NL
}

/** Whether each scale has a minimum beside it. */
@inline
export function hasMinimum(f: i32): bool {
  return f == Q4_1 || f == Q5_1 || f == Q2_K || f == Q4_K || f == Q5_K
}

/** What is taken off each integer, where that is the same for all. */
@inline
export function offsetOf(f: i32): i32 {
  return f == Q4_0 ? 8 : f == Q5_0 ? 16 : f == Q6_K ? 32 : f == Q3_K ? 4 : 0
}

@inline
export function headerBytes(f: i32): i32 {
  return f == Q3_K || f == Q6_K ? 16 : 32
}

@inline
export function scaleBytes(f: i32): i32 {
  return f == Q4_1 || f == Q5_1 ? 32 : 16
}

/** Bytes of a panel block. */
@inline
export function panelBlockBytes(f: i32): i32 {
  return scaleBytes(f) + 32 * (lowBits(f) + extraBits(f))
}

/** Bytes of a panel of `columns` columns. */
export function blockPanelBytes(f: i32, columns: i32): usize {
  return <usize>((columns >> 5) * panelBlockBytes(f) + (isSuper(f) ? (columns >> 8) * headerBytes(f) : 0))
}

const IQ4_NL_VALUES = memory.data<i8>([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])
/** Constants of inner loops, loaded from memory (simd.ts says why). */
const FIFTEEN = memory.data<u32>([0x0f0f0f0f])
const THREE = memory.data<u32>([0x03030303])
const BIT2 = memory.data<u32>([0x04040404])
const BIT4 = memory.data<u32>([0x10101010])
const BITS45 = memory.data<u32>([0x30303030])

/**
 * The low integers of a group as 16 bytes, without sign but for iq4_nl. `plane` is the low plane's vector, of 2 bits shifted down to the group; `extra` is
 * that of the extra plane, shifted down to the group.
 */
@inline
export function lowIntegers(f: i32, plane: v128, extra: v128): v128 {
  const value = v128.and(plane, lowBits(f) == 4 ? v128.load32_splat(FIFTEEN) : v128.load32_splat(THREE))
  if (f == IQ4_NL) return i8x16.swizzle(v128.load(IQ4_NL_VALUES), value)
  if (f == Q3_K) return v128.or(value, v128.and(i16x8.shl(extra, 2), v128.load32_splat(BIT2)))
  if (extraBits(f) == 1) return v128.or(value, v128.and(i16x8.shl(extra, 4), v128.load32_splat(BIT4)))
  if (extraBits(f) == 2) return v128.or(value, v128.and(i16x8.shl(extra, 4), v128.load32_splat(BITS45)))
  return value
}

/** The high integers of a group. */
@inline
export function highIntegers(f: i32, plane: v128, extra: v128): v128 {
  if (lowBits(f) == 2) {
    const value = v128.and(plane, v128.load32_splat(THREE))
    return f == Q3_K ? v128.or(value, v128.and(i16x8.shr_u(extra, 2), v128.load32_splat(BIT2))) : value
  }
  const value = v128.and(i16x8.shr_u(plane, 4), v128.load32_splat(FIFTEEN))
  if (f == IQ4_NL) return i8x16.swizzle(v128.load(IQ4_NL_VALUES), value)
  if (extraBits(f) == 1) return v128.or(value, v128.and(extra, v128.load32_splat(BIT4)))
  if (extraBits(f) == 2) return v128.or(value, v128.and(i16x8.shl(extra, 4), v128.load32_splat(BITS45)))
  return value
}

/** Vectors of a plane of 1 or 2 bits shifted down to the next group. */
@inline
export function nextGroup(bits: i32, vector: v128): v128 {
  return i16x8.shr_u(vector, bits)
}

/** Four float16, the first (high = 0) or second four at `at`, as float32. */
@inline
export function halves(at: usize, high: i32): v128 {
  const bits = v128.load(at)
  const moved = high ? moveFloat16High(bits, halfBits()) : moveFloat16Low(bits, halfBits())
  return f32x4.mul(moved, halfScale())
}

/** Four bytes as float32. */
@inline
function bytesToFloats(at: usize, signed: bool): v128 {
  const bytes = v128.load32_zero(at)
  return signed
    ? f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(bytes)))
    : f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)))
}

/** What the integers of four rows (high: 0 or 1) are multiplied with in sub-block s of a block. `d` is the header's, of a K format. */
@inline
export function scales(f: i32, block: usize, s: i32, high: i32, d: v128): v128 {
  if (!isSuper(f)) return halves(block, high)
  if (f == Q4_K || f == Q5_K) return f32x4.mul(d, bytesToFloats(block + 4 * high, false))
  if (f == Q2_K) {
    const bytes = v128.and(v128.load32_zero(block + 8 * s + 4 * high), v128.load32_splat(FIFTEEN))
    return f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes))))
  }
  return f32x4.mul(d, bytesToFloats(block + 8 * s + 4 * high, true))
}

/** What is added for each column, of a format with minima. `dmin` is the header's, of a K format. */
@inline
export function minima(f: i32, block: usize, s: i32, high: i32, dmin: v128): v128 {
  if (!isSuper(f)) return halves(block + 16, high)
  if (f == Q2_K) {
    const bytes = i16x8.shr_u(i16x8.extend_low_i8x16_u(v128.load32_zero(block + 8 * s + 4 * high)), 4)
    return f32x4.neg(f32x4.mul(dmin, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(bytes))))
  }
  return f32x4.neg(f32x4.mul(dmin, bytesToFloats(block + 8 + 4 * high, false)))
}
