/**
 * The block formats of GGUF: 2 to 8 bits for a value. Neighbours in a row share a block, which holds a small integer for each value and
 * what these are multiplied with. A tensor of such a dtype has the shape of its values; its `data` are the bytes of the blocks, and its
 * last axis is a multiple of the block. widen.ts says what the bytes of each format mean.
 *
 * Source: the GGUF specification, and the Python package `gguf`, which the tests compare with.
 */
import { ShapeError } from '../../errors.js'
import { showShape, type Shape } from '../shape.js'

export interface BlockFormat {
  /** Number of the format in a GGUF file. */
  readonly ggufType: number
  /** Values in a block. */
  readonly values: number
  /** Bytes of a block. */
  readonly bytes: number
  /** Where a block keeps its float16: the scale, and the minimum or its scale. */
  readonly halves: readonly number[]
}

export const BLOCK_FORMATS = {
  q4_0: { ggufType: 2, values: 32, bytes: 18, halves: [0] },
  q4_1: { ggufType: 3, values: 32, bytes: 20, halves: [0, 2] },
  q5_0: { ggufType: 6, values: 32, bytes: 22, halves: [0] },
  q5_1: { ggufType: 7, values: 32, bytes: 24, halves: [0, 2] },
  q8_0: { ggufType: 8, values: 32, bytes: 34, halves: [0] },
  q2_k: { ggufType: 10, values: 256, bytes: 84, halves: [80, 82] },
  q3_k: { ggufType: 11, values: 256, bytes: 110, halves: [108] },
  q4_k: { ggufType: 12, values: 256, bytes: 144, halves: [0, 2] },
  q5_k: { ggufType: 13, values: 256, bytes: 176, halves: [0, 2] },
  q6_k: { ggufType: 14, values: 256, bytes: 210, halves: [208] },
  iq4_nl: { ggufType: 20, values: 32, bytes: 18, halves: [0] },
} as const satisfies Readonly<Record<string, BlockFormat>>

/** Name of a block format, as a dtype. */
export type BlockType = keyof typeof BLOCK_FORMATS

export function isBlockType(dtype: string): dtype is BlockType {
  return Object.hasOwn(BLOCK_FORMATS, dtype)
}

/**
 * Bytes of a tensor of blocks, from the shape of its values.
 * @throws ShapeError when a row is not a whole number of blocks
 */
export function bytesOfBlocks(type: BlockType, shape: Shape): number {
  const { values, bytes } = BLOCK_FORMATS[type]
  if ((shape.at(-1) ?? 1) % values !== 0) {
    throw new ShapeError(type, `rows of ${showShape(shape)} are not whole blocks of ${values} values`)
  }
  return (shape.reduce((product, size) => product * size, 1) / values) * bytes
}

/** Whether the scales and minima of all blocks are finite. Those of a damaged file may not be. */
export function hasFiniteScales(type: BlockType, blocks: Uint8Array): boolean {
  const { bytes, halves } = BLOCK_FORMATS[type]
  for (const half of halves) {
    for (let at = half + 1; at < blocks.length; at += bytes) if ((blocks[at] & 0x7c) === 0x7c) return false
  }
  return true
}
