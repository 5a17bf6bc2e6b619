/**
 * exp, tanh and erf of four float32 lanes, to a few units in the last place.
 */
import { fma, fnma, splat } from './simd'

/**
 * e^x. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a polynomial of degree 6 (minimax, the one of Cephes' expf), 2^n by its
 * exponent bits. ln 2 is split in two, so that n ln 2 is exact. Below -87.34 the result is 0, above 88.38 infinity is near.
 */
@inline
export function exp(x: v128): v128 {
  const lowest = splat(-87.33654)
  const clamped = f32x4.min(f32x4.max(x, lowest), splat(88.37626))
  const n = f32x4.nearest(f32x4.mul(clamped, splat(1.44269504)))
  let r = fnma(n, splat(0.693359375), clamped)
  r = fnma(n, splat(-2.12194440e-4), r)
  let p = splat(1.9875691500e-4)
  p = fma(p, r, splat(1.3981999507e-3))
  p = fma(p, r, splat(8.3334519073e-3))
  p = fma(p, r, splat(4.1665795894e-2))
  p = fma(p, r, splat(1.6666665459e-1))
  p = fma(p, r, splat(5.0000001201e-1))
  const y = f32x4.add(fma(p, f32x4.mul(r, r), r), splat(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return v128.andnot(f32x4.mul(y, power), f32x4.lt(x, lowest))
}

/** 1 - 2 / (e^2x + 1) */
@inline
export function tanh(x: v128): v128 {
  const e = exp(f32x4.add(x, x))
  return f32x4.sub(splat(1), f32x4.div(splat(2), f32x4.add(e, splat(1))))
}

/** 1 / (1 + e^-x) */
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(splat(1), f32x4.add(splat(1), exp(f32x4.neg(x))))
}

/**
 * 1 - t (a1 + t (a2 + ...)) e^-x² with t = 1 / (1 + p|x|), and the sign of x: Abramowitz and Stegun 7.1.26, within 1.5e-7.
 */
@inline
export function erf(x: v128): v128 {
  const magnitude = f32x4.abs(x)
  const t = f32x4.div(splat(1), fma(magnitude, splat(0.3275911), splat(1)))
  let p = splat(1.061405429)
  p = fma(p, t, splat(-1.453152027))
  p = fma(p, t, splat(1.421413741))
  p = fma(p, t, splat(-0.284496736))
  p = fma(p, t, splat(0.254829592))
  const tail = f32x4.mul(f32x4.mul(p, t), exp(f32x4.neg(f32x4.mul(x, x))))
  const sign = v128.and(x, i32x4.splat(0x80000000))
  return v128.or(f32x4.sub(splat(1), tail), sign)
}
