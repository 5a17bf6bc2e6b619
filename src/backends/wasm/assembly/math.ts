/**
 * exp, tanh, sigmoid and erf of four float32 lanes, to a few units in the last place.
 */
import { constant, fma, fnma } from './simd'

/** Their constants, in one place in memory; see simd.ts. */
// prettier-ignore
const TABLE = memory.data<f32>([
  -87.33654, 88.37626, // where e^x leaves the normal numbers
  1.44269504, 0.693359375, -2.12194440e-4, // log2 e; ln 2 in two parts
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, // e^r
  1, 2,
  0.3275911, 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, // erf
  12583039, // 1.5 * 2^23 + 127
])
const SIGN = memory.data<u32>([0x80000000])

@inline
function at(index: usize): v128 {
  return constant(TABLE + index * 4)
}

/**
 * e^x. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a polynomial of degree 6 (minimax, the one of Cephes' expf). Adding 1.5 * 2^23 + 127
 * rounds x log2 e to n and leaves n + 127, the exponent bits of 2^n, in the lowest bits of the sum. ln 2 is split in two, so that
 * n ln 2 is exact. Below -87.34 the result is 0, above 88.38 infinity is near.
 */
@inline
export function exp(x: v128): v128 {
  const lowest = at(0)
  const clamped = f32x4.min(f32x4.max(x, lowest), at(1))
  const rounded = fma(clamped, at(2), at(19))
  const n = f32x4.sub(rounded, at(19))
  const r = fnma(n, at(4), fnma(n, at(3), clamped))
  let p = fma(at(5), r, at(6))
  p = fma(p, r, at(7))
  p = fma(p, r, at(8))
  p = fma(p, r, at(9))
  p = fma(p, r, at(10))
  const y = f32x4.add(fma(p, f32x4.mul(r, r), r), at(11))
  return v128.andnot(f32x4.mul(y, i32x4.shl(rounded, 23)), f32x4.lt(x, lowest))
}

/** 1 - 2 / (e^2x + 1) */
@inline
export function tanh(x: v128): v128 {
  const one = at(11)
  return f32x4.sub(one, f32x4.div(at(12), f32x4.add(exp(f32x4.add(x, x)), one)))
}

/** 1 / (1 + e^-x) */
@inline
export function sigmoid(x: v128): v128 {
  const one = at(11)
  return f32x4.div(one, f32x4.add(one, exp(f32x4.neg(x))))
}

/**
 * 1 - t (a1 + t (a2 + ...)) e^-x² with t = 1 / (1 + p|x|), and the sign of x: Abramowitz and Stegun 7.1.26, within 1.5e-7.
 */
@inline
export function erf(x: v128): v128 {
  const one = at(11)
  const t = f32x4.div(one, fma(f32x4.abs(x), at(13), one))
  let p = fma(at(14), t, at(15))
  p = fma(p, t, at(16))
  p = fma(p, t, at(17))
  p = fma(p, t, at(18))
  const tail = f32x4.mul(f32x4.mul(p, t), exp(f32x4.neg(f32x4.mul(x, x))))
  return v128.or(f32x4.sub(one, tail), v128.and(x, constant(SIGN)))
}
