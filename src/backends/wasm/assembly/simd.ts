/**
 * The few operations on four float32 lanes that every kernel uses.
 */

/** a * b + c: one rounding in the relaxed build, two in the plain one. */
@inline
export function fma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

/** c - a * b */
@inline
export function fnma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c)
  return f32x4.sub(c, f32x4.mul(a, b))
}

@inline
export function splat(value: f32): v128 {
  return f32x4.splat(value)
}

/** Sum of the four lanes, in pairs. */
@inline
export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

@inline
export function maxLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1))
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1))
}

/** Loads the `count` (1 to 3) floats that are left at the end of a row; the other lanes get `fill`. */
export function loadTail(at: usize, count: i32, fill: f32): v128 {
  let x = f32x4.replace_lane(splat(fill), 0, load<f32>(at))
  if (count > 1) x = f32x4.replace_lane(x, 1, load<f32>(at, 4))
  if (count > 2) x = f32x4.replace_lane(x, 2, load<f32>(at, 8))
  return x
}

export function storeTail(at: usize, x: v128, count: i32): void {
  store<f32>(at, f32x4.extract_lane(x, 0))
  if (count > 1) store<f32>(at, f32x4.extract_lane(x, 1), 4)
  if (count > 2) store<f32>(at, f32x4.extract_lane(x, 2), 8)
}

/**
 * Constants of inner loops are loaded from memory: written as literals, they would be built from integers again in every step.
 */
const HALF_BITS = memory.data<u32>([0x8fffe000])
const HALF_SCALE = memory.data<u32>([0x77800000]) // 2^112

@inline
export function constant(at: usize): v128 {
  return v128.load32_splat(at)
}

/**
 * Eight float16 bit patterns as two vectors of float32 that are 2^112 times too small: sign, exponent and mantissa are moved to
 * their places, and 112 is the difference of the two exponents' biases. Exact for subnormal numbers too; infinities and NaN do
 * not survive, so a matrix that has any is widened when it is packed. `bits` is halfBits(). The factor is put right by halfScale(), or
 * once for many products.
 */
@inline
export function moveFloat16Low(halves: v128, bits: v128): v128 {
  return v128.and(i32x4.shl(i32x4.extend_low_i16x8_s(halves), 13), bits)
}

@inline
export function moveFloat16High(halves: v128, bits: v128): v128 {
  return v128.and(i32x4.shl(i32x4.extend_high_i16x8_s(halves), 13), bits)
}

/** Sign, the lower exponent bits and the mantissa of a float16 that was moved up by 13. */
@inline
export function halfBits(): v128 {
  return constant(HALF_BITS)
}

/** 2^112 */
@inline
export function halfScale(): v128 {
  return constant(HALF_SCALE)
}

/** Eight bfloat16 bit patterns, the upper halves of float32, as two vectors. */
@inline
export function widenBfloat16Low(halves: v128): v128 {
  return i32x4.shl(i32x4.extend_low_i16x8_u(halves), 16)
}

@inline
export function widenBfloat16High(halves: v128): v128 {
  return i32x4.shl(i32x4.extend_high_i16x8_u(halves), 16)
}
