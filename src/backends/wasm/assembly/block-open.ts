/**
 * Opens a panel of blocks for many rows of x (block-tile.ts): its integers as bytes (quads) or 16 bits (pairs), in steps of 32 bytes, and a scale
 * for each sub-block and output. Where the format has minima, or an offset, a second array has what each sum of x is multiplied with.
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
import { splat } from './simd'

/** Integers to `w`, scales to `scale` [columns / subOf][8], minima to `minimum` [columns / subOf][8]. */
export function openPanel(format: i32, panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  switch (format) {
    case Q4_0:
      return openQ40(panel, columns, w, scale, minimum)
    case Q4_1:
      return openQ41(panel, columns, w, scale, minimum)
    case Q5_0:
      return openQ50(panel, columns, w, scale, minimum)
    case Q5_1:
      return openQ51(panel, columns, w, scale, minimum)
    case Q8_0:
      return openQ80(panel, columns, w, scale, minimum)
    case Q2_K:
      return openQ2K(panel, columns, w, scale, minimum)
    case Q3_K:
      return openQ3K(panel, columns, w, scale, minimum)
    case Q4_K:
      return openQ4K(panel, columns, w, scale, minimum)
    case Q5_K:
      return openQ5K(panel, columns, w, scale, minimum)
    case Q6_K:
      return openQ6K(panel, columns, w, scale, minimum)
    default:
      return openIq4Nl(panel, columns, w, scale, minimum)
  }
}

@inline
function openOf(f: i32, panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
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
    for (let s = 0; s < 32 / subOf(f); s++, scale += 32, minimum += 32) {
      const scale0 = scales(f, panel, s, 0, d0)
      const scale1 = scales(f, panel, s, 1, d1)
      v128.store(scale, scale0)
      v128.store(scale, scale1, 16)
      if (hasMinimum(f)) {
        v128.store(minimum, minima(f, panel, s, 0, m0))
        v128.store(minimum, minima(f, panel, s, 1, m1), 16)
      } else if (offsetOf(f)) {
        v128.store(minimum, f32x4.mul(scale0, splat(<f32>-offsetOf(f))))
        v128.store(minimum, f32x4.mul(scale1, splat(<f32>-offsetOf(f))), 16)
      }
    }
    const planes = panel + scaleBytes(f)
    if (f == Q8_0) {
      for (let at: usize = 0; at < 256; at += 8, w += 16) v128.store(w, v128.load8x8_s(planes + at))
    } else {
      openHalf(f, planes, 0, w)
      openHalf(f, planes, 1, w + HALF_BYTES * (inPairs(f) ? 2 : 1))
      w += 2 * HALF_BYTES * (inPairs(f) ? 2 : 1)
    }
    panel += panelBlockBytes(f)
  }
}

/** Bytes of 16 columns of a panel, as bytes. */
const HALF_BYTES = 16 * 8

/** The integers of 16 columns, as four steps of quads or eight of pairs. */
@inline
function openHalf(f: i32, planes: usize, half: usize, w: usize): void {
  let plane = planes + half * (16 * lowBits(f))
  const extra = planes + 32 * lowBits(f) + half * (16 * extraBits(f))
  let low = v128.load(plane)
  let high = v128.load(plane, 16)
  let extraLow = splat(0)
  let extraHigh = splat(0)
  if (extraBits(f)) {
    extraLow = v128.load(extra)
    extraHigh = extraBits(f) == 2 ? v128.load(extra, 16) : extraLow
  }
  for (let g = 0; g < 4; g++) {
    if (lowBits(f) == 4) {
      low = v128.load(plane)
      high = low
      plane += 16
    }
    const a = lowIntegers(f, low, extraLow)
    const b = highIntegers(f, high, extraHigh)
    if (inPairs(f)) {
      v128.store(w, i16x8.extend_low_i8x16_s(a))
      v128.store(w, i16x8.extend_high_i8x16_s(a), 16)
      v128.store(w, i16x8.extend_low_i8x16_s(b), 32)
      v128.store(w, i16x8.extend_high_i8x16_s(b), 48)
      w += 64
    } else {
      v128.store(w, a)
      v128.store(w, b, 16)
      w += 32
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
}

// A function for each format, as in block-row.ts.

function openQ40(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q4_0, panel, columns, w, scale, minimum)
}

function openQ41(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q4_1, panel, columns, w, scale, minimum)
}

function openQ50(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q5_0, panel, columns, w, scale, minimum)
}

function openQ51(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q5_1, panel, columns, w, scale, minimum)
}

function openQ80(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q8_0, panel, columns, w, scale, minimum)
}

function openQ2K(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q2_K, panel, columns, w, scale, minimum)
}

function openQ3K(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q3_K, panel, columns, w, scale, minimum)
}

function openQ4K(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q4_K, panel, columns, w, scale, minimum)
}

function openQ5K(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q5_K, panel, columns, w, scale, minimum)
}

function openQ6K(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(Q6_K, panel, columns, w, scale, minimum)
}

function openIq4Nl(panel: usize, columns: i32, w: usize, scale: usize, minimum: usize): void {
  openOf(IQ4_NL, panel, columns, w, scale, minimum)
}
