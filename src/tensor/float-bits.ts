/**
 * Float16, bfloat16 and float8 bit patterns to float32 values and back. Widening is exact; narrowing rounds to nearest,
 * ties to even (IEEE 754-2019, section 4.3.1). The float8 formats are those of Micikevicius et al. 2022,
 * https://arxiv.org/abs/2209.05433: e5m2 keeps infinities, e4m3fn has none and a single NaN pattern.
 */

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

/** The float32 value of a small float with the given field widths; `finite` marks formats without infinities. */
function widen(bits: number, exponentBits: number, mantissaBits: number, finite: boolean): number {
  const sign = (bits >> (exponentBits + mantissaBits)) & 1 ? -1 : 1
  const maxExponent = (1 << exponentBits) - 1
  const exponent = (bits >> mantissaBits) & maxExponent
  const mantissa = bits & ((1 << mantissaBits) - 1)
  const bias = maxExponent >> 1
  const scale = 1 << mantissaBits
  if (exponent === maxExponent) {
    if (finite ? mantissa === scale - 1 : mantissa !== 0) return NaN
    if (!finite) return sign * Infinity
  }
  if (exponent === 0) return sign * (mantissa / scale) * 2 ** (1 - bias)
  return sign * (1 + mantissa / scale) * 2 ** (exponent - bias)
}

let float16Table: Float32Array | undefined

/** The float32 values of all 65,536 float16 patterns (256 KiB, made on first use): weights are widened by lookup. */
export function float16Values(): Float32Array {
  return (float16Table ??= Float32Array.from({ length: 65536 }, (_, bits) => widen(bits, 5, 10, false)))
}

/** Value of a float16 bit pattern. */
export function float16ToNumber(bits: number): number {
  return float16Values()[bits]
}

/** Value of a bfloat16 bit pattern: the upper half of a float32. */
export function bfloat16ToNumber(bits: number): number {
  u32[0] = bits << 16
  return f32[0]
}

/** Value of a float8 e4m3fn bit pattern. */
export function float8e4m3ToNumber(bits: number): number {
  return widen(bits, 4, 3, true)
}

/** Value of a float8 e5m2 bit pattern. */
export function float8e5m2ToNumber(bits: number): number {
  return widen(bits, 5, 2, false)
}

/** Nearest bfloat16 bit pattern of a number. */
export function numberToBfloat16(value: number): number {
  f32[0] = value
  if (Number.isNaN(value)) return 0x7fc0
  const bits = u32[0]
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}

/** Nearest float16 bit pattern of a number. */
export function numberToFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  if (magnitude >= 65520) return sign | 0x7c00
  if (magnitude < 2 ** -14) return sign | roundTiesToEven(magnitude * 2 ** 24) // subnormal: units of 2^-24
  let exponent = Math.floor(Math.log2(magnitude))
  if (2 ** exponent > magnitude) exponent--
  if (2 ** (exponent + 1) <= magnitude) exponent++
  const mantissa = roundTiesToEven((magnitude / 2 ** exponent - 1) * 1024)
  return sign | (((exponent + 15) << 10) + mantissa) // a mantissa of 1024 carries into the exponent
}

function roundTiesToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
