/**
 * int8 products. A weight is quantised once, each of its rows (outputs) by its largest element to -127…127; x is quantised when
 * it comes, each row by its own range to 0…127, so that a row's result never depends on its batch. One of these 128 steps stands
 * for zero (the zero point). Seven bits for x, because the WebAssembly instruction that multiplies 8-bit numbers wants its second
 * operand in 0…127. The sum of the products is an exact integer, which is then scaled back.
 */
import { ShapeError } from '../../errors.js'
import { showShape } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { output, rowMajor, type Float } from './float.js'

/** A weight [rows, columns] as integers, and what each row of them is multiplied with. */
export interface QuantizedMatrix {
  /** [rows, columns], row-major, -127…127 */
  readonly values: Int8Array
  /** [rows] */
  readonly scales: Float32Array
}

/** Largest magnitude of a quantised weight. */
export const WEIGHT_LIMIT = 127
/** Largest quantised input; the smallest is 0. */
const INPUT_LIMIT = 127

/** Each row scaled so that its largest element is 127, and rounded to nearest (halves to even). */
export function quantizeRows(weight: Tensor): QuantizedMatrix {
  const [rows, columns] = weight.shape
  const source = rowMajor(weight.to('float32'))
  const values = new Int8Array(source.length)
  const scales = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    let largest = 0
    for (let i = start; i < start + columns; i++) largest = Math.max(largest, Math.abs(source[i]))
    const inverse = largest === 0 ? 0 : Math.fround(WEIGHT_LIMIT / largest)
    for (let i = start; i < start + columns; i++) values[i] = roundTiesToEven(Math.fround(source[i] * inverse))
    scales[row] = largest / WEIGHT_LIMIT
  }
  return { values, scales }
}

/**
 * A weight as integers: its rows quantised, or those that it has, where the caller says what each of its rows is multiplied with.
 * @throws ShapeError when these are not an int8 tensor and a scale for each row
 */
export function asQuantized(weight: Tensor, rowScales: Float32Array | undefined): QuantizedMatrix {
  if (rowScales === undefined) return quantizeRows(weight)
  const [rows] = weight.shape
  if (weight.dtype !== 'int8' || rowScales.length !== rows) {
    throw new ShapeError('pack', `${rowScales.length} rowScales for ${weight.dtype} ${showShape(weight.shape)}`)
  }
  const { data, offset, size } = weight.contiguous() as Tensor<'int8'>
  return { values: data.subarray(offset, offset + size), scales: rowScales }
}

/** x weight^T + bias with both quantised: [..., columns] -> [..., rows]. */
export function linearInt8(x: Float, weight: QuantizedMatrix, bias?: Float): Float {
  const rows = weight.scales.length
  const columns = weight.values.length / rows
  const source = rowMajor(x)
  const shift = bias && rowMajor(bias)
  const { tensor, data } = output([...x.shape.slice(0, -1), rows])
  for (let item = 0; item < data.length / rows; item++) {
    const { values, scale, zero } = quantizeInput(source.subarray(item * columns, (item + 1) * columns))
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let i = 0, at = row * columns; i < columns; i++, at++) sum += (values[i] - zero) * weight.values[at]
      data[item * rows + row] = Math.fround(sum * Math.fround(scale * weight.scales[row])) + (shift ? shift[row] : 0)
    }
  }
  return tensor
}

export interface QuantizedInput {
  /** 0…127 */
  readonly values: Uint8Array
  readonly scale: number
  /** The value that stands for 0: an element is (value - zero) * scale. */
  readonly zero: number
}

/** One row of x. float32 throughout, as the kernels compute it. */
export function quantizeInput(row: Float32Array): QuantizedInput {
  let [lowest, highest] = [0, 0]
  for (let i = 0; i < row.length; i++) {
    lowest = Math.min(lowest, row[i])
    highest = Math.max(highest, row[i])
  }
  const range = Math.fround(highest - lowest)
  const inverse = range === 0 ? 0 : Math.fround(INPUT_LIMIT / range)
  const zero = roundTiesToEven(Math.fround(-lowest * inverse))
  const values = Uint8Array.from(row, (value) =>
    Math.min(Math.max(roundTiesToEven(Math.fround(value * inverse)) + zero, 0), INPUT_LIMIT),
  )
  return { values, scale: Math.fround(range / INPUT_LIMIT), zero }
}

/** To the nearest whole number, halves to the even one. */
export function roundTiesToEven(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
