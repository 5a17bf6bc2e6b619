/**
 * Which block format a matrix of floats gets when a checkpoint is quantised at load. `q8` is q8_0 throughout. `q4` is q4_k for what is only
 * multiplied with, or q4_1 where a row is no whole number of 256 values; a table that is the language-model head too keeps
 * more bits, q6_k or q8_0, because every token's probability comes from it. Tables that are only looked up, and matrices whose rows are no
 * whole number of 32 values, stay as they are.
 */
import type { PackOptions } from '../backends/index.js'
import { isBlockType, quantise, type QuantisedType } from '../tensor/blocks/index.js'
import { rowMajor } from '../tensor/ops/float.js'
import { Tensor } from '../tensor/tensor.js'

/** How many bits a weight is quantised to, in blocks. */
export type BlockDType = 'q8' | 'q4'

/** The format for a matrix; undefined where it stays as it is. */
export function blockTypeFor(dtype: BlockDType, use: PackOptions['use'], columns: number): QuantisedType | undefined {
  if (use === 'gather' || columns % 32 !== 0) return undefined
  if (dtype === 'q8') return 'q8_0'
  const wide = columns % 256 === 0
  if (use === 'both') return wide ? 'q6_k' : 'q8_0'
  return wide ? 'q4_k' : 'q4_1'
}

/** The matrix in blocks. One that is in blocks already keeps its own. */
export function inBlocks(dtype: BlockDType, use: PackOptions['use'], matrix: Tensor): Tensor {
  if (isBlockType(matrix.dtype)) return matrix
  const type = blockTypeFor(dtype, use, matrix.shape[1])
  if (!type) return matrix
  return new Tensor({ dtype: type, data: quantise(type, rowMajor(matrix.to('float32'))), shape: matrix.shape })
}
