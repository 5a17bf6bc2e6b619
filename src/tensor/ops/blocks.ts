/**
 * Products with a weight in blocks. The weight stands for the float32 values that `widen` gives; x is quantised when it comes, each 32
 * neighbours of a row by their largest element to -127…127, so that a row's result never depends on its batch. The products are exact
 * integers times the scales of both.
 */
import { InputError, ShapeError } from '../../errors.js'
import { hasFiniteScales, isBlockType, type BlockType } from '../blocks/index.js'
import { bytesPerElement } from '../dtype.js'
import { showShape } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { output, rowMajor, type Float } from './float.js'
import { roundTiesToEven } from './quantize.js'

/** Neighbours in a row of x that share a scale. */
const INPUT_BLOCK = 32
const INPUT_LIMIT = 127

/** A matrix of blocks: [rows, columns]. */
export type BlockMatrix = Tensor<BlockType>

export function isBlockMatrix(weight: Tensor): weight is BlockMatrix {
  return isBlockType(weight.dtype)
}

/**
 * The bytes of a weight's blocks, row by row, as a view.
 * @throws InputError for blocks whose scales are not all finite
 */
export function bytesOfWeight(weight: BlockMatrix): Uint8Array {
  const { data, offset, size, dtype } = weight.contiguous()
  const bytes = data.subarray(offset * bytesPerElement(dtype), (offset + size) * bytesPerElement(dtype))
  if (hasFiniteScales(weight.dtype, bytes)) return bytes
  throw new InputError(
    'not-finite',
    `a scale of the ${weight.dtype} weight ${showShape(weight.shape)} is not a finite number; the file is damaged`,
  )
}

/** x weight^T + bias, x quantised: [..., columns] -> [..., rows]. Columns are a multiple of the block. */
export function linearBlocks(x: Float, weight: BlockMatrix, bias?: Float): Float {
  const [rows, columns] = weight.shape
  if (x.shape.at(-1) !== columns) {
    throw new ShapeError(
      'linear',
      `input ${showShape(x.shape)} does not fit weight ${showShape(weight.shape)} ([out, in])`,
    )
  }
  const inputs = roundInput(rowMajor(x))
  const shift = bias && rowMajor(bias)
  const { tensor, data } = output([...x.shape.slice(0, -1), rows])
  const items = data.length / rows
  for (let row = 0; row < rows; row++) {
    const values = rowMajor(weight.slice(0, row, row + 1).to('float32')) // [columns]
    for (let item = 0; item < items; item++) {
      let sum = 0
      for (let i = 0, at = item * columns; i < columns; i++, at++) sum += inputs[at] * values[i]
      data[item * rows + row] = sum + (shift ? shift[row] : 0)
    }
  }
  return tensor
}

/** What quantised x stands for. The integer and its scale are float32; their product is kept in double precision. */
function roundInput(x: Float32Array): Float64Array {
  const rounded = new Float64Array(x.length)
  for (let start = 0; start < x.length; start += INPUT_BLOCK) {
    const block = x.subarray(start, start + INPUT_BLOCK)
    const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const scale = Math.fround(largest / INPUT_LIMIT)
    const inverse = largest === 0 ? 0 : Math.fround(INPUT_LIMIT / largest)
    block.forEach((value, i) => (rounded[start + i] = roundTiesToEven(Math.fround(value * inverse)) * scale))
  }
  return rounded
}
