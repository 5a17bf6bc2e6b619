/**
 * The colours of attention: one hue from paper through the accent towards ink, so that the scale grows darker on light paper and
 * lighter on dark. Weights lie mostly near 0, so the shade follows their square root; the legend says so.
 */

/** sRGB, 0 to 255 each. */
export type Rgb = readonly [number, number, number]

export interface HeatColours {
  readonly paper: Rgb
  readonly accent: Rgb
  readonly ink: Rgb
}

/** Weights that the legend marks. */
export const LEGEND_WEIGHTS: readonly number[] = [0, 0.05, 0.25, 0.5, 1]

const SHADES = 256
/** Where on the scale the pure accent lies, and how far the end goes from it towards ink. */
const ACCENT_AT = 0.7
const TOWARDS_INK = 0.75

/** Place on the scale, 0 to 1, of a weight from 0 to 1. */
export function shadeOf(weight: number): number {
  return Math.sqrt(Math.min(1, Math.max(0, weight)))
}

/** Colours of equally spaced shades. [256, 3] */
export function heatPalette({ paper, accent, ink }: HeatColours): Uint8ClampedArray {
  const end = mix(accent, ink, TOWARDS_INK)
  const palette = new Uint8ClampedArray(SHADES * 3)
  for (let i = 0; i < SHADES; i++) {
    const shade = i / (SHADES - 1)
    const colour =
      shade < ACCENT_AT
        ? mix(paper, accent, shade / ACCENT_AT)
        : mix(accent, end, (shade - ACCENT_AT) / (1 - ACCENT_AT))
    palette.set(colour, 3 * i)
  }
  return palette
}

/** Pixels of some weights: RGBA, one for each. */
export function heatPixels(weights: Float32Array, palette: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * weights.length)
  for (const [i, weight] of weights.entries()) {
    const at = 3 * Math.round(shadeOf(weight) * (SHADES - 1))
    pixels[4 * i] = palette[at]
    pixels[4 * i + 1] = palette[at + 1]
    pixels[4 * i + 2] = palette[at + 2]
    pixels[4 * i + 3] = 255
  }
  return pixels
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const channel = (i: 0 | 1 | 2) => from[i] + (to[i] - from[i]) * share
  return [channel(0), channel(1), channel(2)]
}
