/**
 * Blocks as float32, bit for bit what the Python package `gguf` makes of them. Every product of a scale and an integer is exact in
 * JavaScript's doubles, and so is the sum with a minimum, so that a value is rounded once, when it is stored.
 *
 * The formats of 32 values begin with a scale d in float16 (q4_1 and q5_1 have a minimum m behind it). Low four bits lie two to a byte:
 * value i in the low half of byte i, value i + 16 in the high half.
 *
 *   q8_0  d, 32 × int8                    d q
 *   q4_0  d, 16 bytes                     d (q - 8)
 *   q4_1  d, m, 16 bytes                  d q + m
 *   q5_0  d, 32 fifth bits, 16 bytes      d (q - 16)
 *   q5_1  d, m, 32 fifth bits, 16 bytes   d q + m
 *   iq4_nl  d, 16 bytes                   d table[q]
 *
 * The K formats hold 256 values in sub-blocks of 16 or 32, with a small integer s (and a minimum n) for each, and one or two float16 for all:
 *
 *   q2_k  16 × (s, n of 4 bits), 64 bytes of 4 × 2 bits, d, dmin      d s q - dmin n
 *   q3_k  third bits, 64 bytes of 4 × 2 bits, 16 × s of 6 bits, d     d (s - 32) (q - 4)
 *   q4_k  d, dmin, 8 × (s, n of 6 bits), 128 bytes of 2 × 4 bits      d s q - dmin n
 *   q5_k  the same with 32 bytes of fifth bits before the low ones    d s q - dmin n
 *   q6_k  128 bytes of 2 × 4 bits, 64 bytes of 4 × 2 bits, 16 × int8 s, d   d s (q - 32)
 */
import { ShapeError } from '../../errors.js'
import { float16ToNumber } from '../float-bits.js'
import { BLOCK_FORMATS, type BlockType } from './formats.js'

/** The values that the sixteen integers of iq4_nl stand for. */
export const IQ4_NL_VALUES: readonly number[] = [
  -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
]

/** Writes the values of the block that begins at `at` to `out` from `to` on. */
type WidenBlock = (block: Uint8Array, at: number, out: Float32Array, to: number) => void

/**
 * Widens whole blocks: `bytes` of format `type` to as many float32 values as they hold, written from the beginning of `out`.
 * @throws ShapeError when the bytes are no whole number of blocks, or `out` has not the length of their values
 */
export function widen(type: BlockType, bytes: Uint8Array, out: Float32Array): void {
  const format = BLOCK_FORMATS[type]
  const blocks = bytes.length / format.bytes
  if (!Number.isInteger(blocks) || out.length !== blocks * format.values) {
    throw new ShapeError(
      'widen',
      `${bytes.length} bytes of ${type} (${format.bytes} for each ${format.values} values) do not make ${out.length} values`,
    )
  }
  const widenBlock = WIDEN[type]
  for (let block = 0; block < blocks; block++) widenBlock(bytes, block * format.bytes, out, block * format.values)
}

/** No minimum. Added, it leaves a minus zero as it is, which a plus zero would not. */
const NONE = -0

const WIDEN: Readonly<Record<BlockType, WidenBlock>> = {
  q4_0: (block, at, out, to) => nibbles(block, at + 2, out, to, half(block, at), -8, NONE),
  q4_1: (block, at, out, to) => nibbles(block, at + 4, out, to, half(block, at), 0, half(block, at + 2)),
  q5_0: (block, at, out, to) => fiveBits(block, at + 2, out, to, half(block, at), -16, NONE),
  q5_1: (block, at, out, to) => fiveBits(block, at + 4, out, to, half(block, at), 0, half(block, at + 2)),
  q8_0: (block, at, out, to) => {
    const scale = half(block, at)
    for (let i = 0; i < 32; i++) out[to + i] = scale * int8(block[at + 2 + i])
  },
  iq4_nl: (block, at, out, to) => {
    const scale = half(block, at)
    for (let i = 0; i < 16; i++) {
      out[to + i] = scale * IQ4_NL_VALUES[block[at + 2 + i] & 15]
      out[to + i + 16] = scale * IQ4_NL_VALUES[block[at + 2 + i] >> 4]
    }
  },
  q2_k: (block, at, out, to) => {
    const [d, dmin] = [half(block, at + 80), half(block, at + 82)]
    for (let i = 0; i < 256; i++) {
      const sub = block[at + (i >> 4)]
      const q = (block[at + 16 + (i >> 7) * 32 + (i & 31)] >> (((i >> 5) & 3) * 2)) & 3
      out[to + i] = d * (sub & 15) * q - dmin * (sub >> 4)
    }
  },
  q3_k: (block, at, out, to) => {
    const d = half(block, at + 108)
    for (let i = 0; i < 256; i++) {
      const low = (block[at + 32 + (i >> 7) * 32 + (i & 31)] >> (((i >> 5) & 3) * 2)) & 3
      const third = (block[at + (i & 31)] >> (i >> 5)) & 1
      out[to + i] = d * q3kScale(block, at + 96, i >> 4) * (low + 4 * third - 4)
    }
  },
  q4_k: (block, at, out, to) => {
    const [d, dmin] = [half(block, at), half(block, at + 2)]
    for (let sub = 0; sub < 8; sub++) {
      const { scale, minimum } = scaleAndMinimum(block, at + 4, sub)
      const low = at + 16 + (sub >> 1) * 32
      const shift = (sub & 1) * 4
      for (let i = 0; i < 32; i++) {
        out[to + sub * 32 + i] = d * scale * ((block[low + i] >> shift) & 15) - dmin * minimum
      }
    }
  },
  q5_k: (block, at, out, to) => {
    const [d, dmin] = [half(block, at), half(block, at + 2)]
    for (let sub = 0; sub < 8; sub++) {
      const { scale, minimum } = scaleAndMinimum(block, at + 4, sub)
      const low = at + 48 + (sub >> 1) * 32
      const shift = (sub & 1) * 4
      for (let i = 0; i < 32; i++) {
        const q = ((block[low + i] >> shift) & 15) + (((block[at + 16 + i] >> sub) & 1) << 4)
        out[to + sub * 32 + i] = d * scale * q - dmin * minimum
      }
    }
  },
  q6_k: (block, at, out, to) => {
    const d = half(block, at + 208)
    for (let i = 0; i < 256; i++) {
      const within = i & 127
      const low = (block[at + (i >> 7) * 64 + (within & 63)] >> ((within >> 6) * 4)) & 15
      const high = (block[at + 128 + (i >> 7) * 32 + (i & 31)] >> ((within >> 5) * 2)) & 3
      out[to + i] = d * int8(block[at + 192 + (i >> 4)]) * (low + 16 * high - 32)
    }
  },
}

/** 16 bytes, two values in each. */
function nibbles(
  block: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
  scale: number,
  offset: number,
  minimum: number,
): void {
  for (let i = 0; i < 16; i++) {
    out[to + i] = scale * ((block[at + i] & 15) + offset) + minimum
    out[to + i + 16] = scale * ((block[at + i] >> 4) + offset) + minimum
  }
}

/** 32 fifth bits, then 16 bytes with two values in each. */
function fiveBits(
  block: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
  scale: number,
  offset: number,
  minimum: number,
): void {
  for (let i = 0; i < 32; i++) {
    const low = (block[at + 4 + (i & 15)] >> ((i >> 4) << 2)) & 15
    const fifth = (block[at + (i >> 3)] >> (i & 7)) & 1
    out[to + i] = scale * (low + 16 * fifth + offset) + minimum
  }
}

/**
 * Scale and minimum of 6 bits each of sub-block 0 to 7, from the 12 bytes of q4_k and q5_k: those of the first four lie in the lower six
 * bits of bytes 0…3 and 4…7; those of the last four have their lower halves in bytes 8…11 and their upper bits above the others.
 */
export function scaleAndMinimum(block: Uint8Array, at: number, sub: number): { scale: number; minimum: number } {
  const [first, second] = [block[at + (sub & 3)], block[at + 4 + (sub & 3)]]
  if (sub < 4) return { scale: first & 63, minimum: second & 63 }
  const low = block[at + 4 + sub]
  return { scale: (low & 15) | ((first >> 6) << 4), minimum: (low >> 4) | ((second >> 6) << 4) }
}

/** Scale -32…31 of one of the 16 sub-blocks of q3_k: the lower four bits in bytes 0…7, the upper two in bytes 8…11. */
export function q3kScale(block: Uint8Array, at: number, sub: number): number {
  const low = (block[at + (sub & 7)] >> ((sub >> 3) * 4)) & 15
  const high = (block[at + 8 + (sub & 3)] >> ((sub >> 2) * 2)) & 3
  return low + 16 * high - 32
}

function half(block: Uint8Array, at: number): number {
  return float16ToNumber(block[at] | (block[at + 1] << 8))
}

function int8(byte: number): number {
  return (byte << 24) >> 24
}
