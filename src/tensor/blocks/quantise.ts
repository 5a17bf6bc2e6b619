/**
 * Float32 values to blocks. q8_0, q4_0 and q4_1 are bit for bit what the Python package `gguf` makes: the scale comes from the largest
 * magnitude of a block, or its range. q4_k and q6_k look for the scales with the least squared error, in which large values count more:
 * some scales near that of the range are tried, and each is put right by least squares for the integers that it gives. Then the scales of the
 * sub-blocks are rounded themselves, and the integers are chosen for the rounded ones.
 *
 * Computed in float32 where `gguf` does.
 */
import { InputError, ShapeError } from '../../errors.js'
import { float16ToNumber, numberToFloat16 } from '../float-bits.js'
import { BLOCK_FORMATS, type BlockType } from './formats.js'

/** Formats that values can be quantised in. */
export const QUANTISED_TYPES = ['q8_0', 'q4_0', 'q4_1', 'q4_k', 'q6_k'] as const
export type QuantisedType = (typeof QUANTISED_TYPES)[number]

/** Writes the block of the values from `from` on to `out` from `at` on. */
type QuantiseBlock = (values: Float32Array, from: number, out: Uint8Array, at: number) => void

const { fround, trunc, abs } = Math

/**
 * Values, row after row, as blocks.
 * @throws ShapeError when they are no whole number of blocks, InputError when one is not finite
 */
export function quantise(type: QuantisedType, values: Float32Array): Uint8Array<ArrayBuffer> {
  const { values: width, bytes } = BLOCK_FORMATS[type as BlockType]
  if (values.length % width !== 0) {
    throw new ShapeError('quantise', `${values.length} values are not whole blocks of ${width} for ${type}`)
  }
  const wrong = values.findIndex((value) => !Number.isFinite(value))
  if (wrong >= 0) throw new InputError('not-finite', `quantise: value ${wrong} is ${values[wrong]}`)
  const out = new Uint8Array((values.length / width) * bytes)
  const quantiseBlock = QUANTISE[type]
  for (let from = 0, at = 0; from < values.length; from += width, at += bytes) quantiseBlock(values, from, out, at)
  return out
}

const QUANTISE: Readonly<Record<QuantisedType, QuantiseBlock>> = {
  q8_0: (values, from, out, at) => {
    const scale = fround(abs(largestOf(values, from, 32)) / 127)
    const inverse = inverseOf(scale)
    putHalf(out, at, scale)
    for (let i = 0; i < 32; i++) out[at + 2 + i] = roundAway(fround(values[from + i] * inverse))
  },
  q4_0: (values, from, out, at) => {
    const scale = fround(largestOf(values, from, 32) / -8)
    const inverse = inverseOf(scale)
    putHalf(out, at, scale)
    const integer = (i: number) => Math.min(15, trunc(fround(fround(values[from + i] * inverse) + 8.5)))
    for (let i = 0; i < 16; i++) out[at + 2 + i] = integer(i) | (integer(i + 16) << 4)
  },
  q4_1: (values, from, out, at) => {
    let [low, high] = [values[from], values[from]]
    for (let i = 1; i < 32; i++) {
      low = Math.min(low, values[from + i])
      high = Math.max(high, values[from + i])
    }
    const scale = fround(fround(high - low) / 15)
    const inverse = inverseOf(scale)
    putHalf(out, at, scale)
    putHalf(out, at + 2, low)
    const integer = (i: number) => Math.min(15, trunc(fround(fround(fround(values[from + i] - low) * inverse) + 0.5)))
    for (let i = 0; i < 16; i++) out[at + 4 + i] = integer(i) | (integer(i + 16) << 4)
  },
  q4_k: (values, from, out, at) => {
    const fits = Array.from({ length: 8 }, (_, sub) => fitWithMinimum(values, from + 32 * sub))
    const d = roundHalf(Math.max(...fits.map(({ scale }) => scale)) / 63)
    const dmin = roundHalf(Math.max(...fits.map(({ minimum }) => minimum)) / 63)
    putHalf(out, at, d)
    putHalf(out, at + 2, dmin)
    out.fill(0, at + 4, at + 16)
    fits.forEach((fit, sub) => {
      const scale = integerOf(fit.scale, d, 63)
      const minimum = integerOf(fit.minimum, dmin, 63)
      putScaleAndMinimum(out, at + 4, sub, scale, minimum)
      const low = at + 16 + (sub >> 1) * 32
      for (let i = 0; i < 32; i++) {
        const integer = integerOf(values[from + 32 * sub + i] + dmin * minimum, d * scale, 15)
        if (sub % 2 === 0) out[low + i] = integer
        else out[low + i] |= integer << 4
      }
    })
  },
  q6_k: (values, from, out, at) => {
    const scales = Array.from({ length: 16 }, (_, sub) => fitSymmetric(values, from + 16 * sub))
    const largest = scales.reduce((most, scale) => (abs(scale) > abs(most) ? scale : most), 0)
    const d = roundHalf(largest / -128)
    out.fill(0, at, at + 192)
    putHalf(out, at + 208, d)
    scales.forEach((fit, sub) => {
      const scale = d === 0 ? 0 : Math.max(-128, Math.min(127, Math.round(fit / d)))
      out[at + 192 + sub] = scale
      const step = d * scale
      for (let i = 16 * sub; i < 16 * sub + 16; i++) {
        const integer = step === 0 ? 32 : Math.max(0, Math.min(63, Math.round(values[from + i] / step) + 32))
        const within = i & 127
        out[at + (i >> 7) * 64 + (within & 63)] |= (integer & 15) << ((within >> 6) * 4)
        out[at + 128 + (i >> 7) * 32 + (i & 31)] |= (integer >> 4) << ((within >> 5) * 2)
      }
    })
  },
}

/** How many scales are tried on each side of that of the range, and how far apart, in integers at the end of the range. */
const TRIED = 9
const TRIED_STEP = 0.1

/**
 * Scale and minimum for which the integers 0…15 come nearest to 32 values: value ≈ scale · integer - minimum, neither negative. An error counts
 * by the root mean square of the values plus the magnitude of the value.
 */
function fitWithMinimum(values: Float32Array, from: number): { scale: number; minimum: number } {
  let [low, high, squares] = [0, values[from], 0]
  for (let i = from; i < from + 32; i++) {
    low = Math.min(low, values[i])
    high = Math.max(high, values[i])
    squares += values[i] ** 2
  }
  if (high <= low) return { scale: 0, minimum: -low }
  const typical = Math.sqrt(squares / 32)
  let best = { scale: (high - low) / 15, minimum: -low, error: Infinity }
  for (let tried = -TRIED; tried <= TRIED; tried++) {
    const inverse = (15 + tried * TRIED_STEP) / (high - low)
    let [w, wl, wll, wx, wxl, wxx] = [0, 0, 0, 0, 0, 0]
    for (let i = from; i < from + 32; i++) {
      const x = values[i]
      const integer = Math.max(0, Math.min(15, Math.round((x - low) * inverse)))
      const weight = typical + abs(x)
      w += weight
      wl += weight * integer
      wll += weight * integer * integer
      wx += weight * x
      wxl += weight * x * integer
      wxx += weight * x * x
    }
    const determinant = w * wll - wl * wl
    if (determinant <= 0) continue
    let scale = (w * wxl - wx * wl) / determinant
    let minimum = (wl * wxl - wll * wx) / determinant
    if (minimum < 0) {
      minimum = 0
      scale = wxl / wll
    }
    const error =
      wxx + scale * scale * wll + minimum * minimum * w - 2 * scale * wxl + 2 * minimum * wx - 2 * scale * minimum * wl
    if (scale > 0 && error < best.error) best = { scale, minimum, error }
  }
  return best
}

/** Scale for which the integers -32…31 come nearest to 16 values. An error counts by the square of the value. */
function fitSymmetric(values: Float32Array, from: number): number {
  const largest = largestOf(values, from, 16)
  if (largest === 0) return 0
  let [best, fit] = [0, 0]
  for (let tried = -TRIED; tried <= TRIED; tried++) {
    const inverse = -(32 + tried * TRIED_STEP) / largest
    let [wll, wxl] = [0, 0]
    for (let i = from; i < from + 16; i++) {
      const integer = Math.max(-32, Math.min(31, Math.round(values[i] * inverse)))
      const weight = values[i] ** 2
      wll += weight * integer * integer
      wxl += weight * values[i] * integer
    }
    // With the scale of least squares, wxl / wll, the error is what the values weigh, less this.
    if (wll > 0 && wxl ** 2 > fit * wll) [best, fit] = [wxl / wll, wxl ** 2 / wll]
  }
  return best
}

/** The value of the largest magnitude, the first of them. */
function largestOf(values: Float32Array, from: number, count: number): number {
  let largest = values[from]
  for (let i = from + 1; i < from + count; i++) if (abs(values[i]) > abs(largest)) largest = values[i]
  return largest
}

function integerOf(value: number, step: number, most: number): number {
  return step === 0 ? 0 : Math.max(0, Math.min(most, Math.round(value / step)))
}

function inverseOf(scale: number): number {
  return scale === 0 ? 0 : fround(1 / scale)
}

/** To the nearest whole number, halves away from zero. */
function roundAway(value: number): number {
  const magnitude = Math.floor(abs(value))
  return Math.sign(value) * (magnitude + Math.floor(fround(2 * fround(abs(value) - magnitude))))
}

function putHalf(out: Uint8Array, at: number, value: number): void {
  const bits = numberToFloat16(value)
  out[at] = bits & 255
  out[at + 1] = bits >> 8
}

function roundHalf(value: number): number {
  return float16ToNumber(numberToFloat16(value))
}

/** Where `scaleAndMinimum` of widen.ts finds them. */
function putScaleAndMinimum(out: Uint8Array, at: number, sub: number, scale: number, minimum: number): void {
  const place = at + (sub & 3)
  if (sub < 4) {
    out[place] |= scale
    out[place + 4] |= minimum
  } else {
    out[at + 4 + sub] = (scale & 15) | ((minimum & 15) << 4)
    out[place] |= (scale >> 4) << 6
    out[place + 4] |= (minimum >> 4) << 6
  }
}
