/**
 * int8 products. A weight is quantised once, each of its rows (outputs) by its largest element to -127…127; x is quantised when
 * it comes, each row by its own largest element to -63…63, so that a row's result never depends on its batch. Seven bits
 * for x: the WebAssembly instruction that multiplies 8-bit numbers wants its second operand in 0…127 (here value + 64).
 * The sum of the products is an exact integer, which is then scaled back.
 */
import type { Tensor } from '../tensor.js'
import { output, rowMajor, type Float } from './float.js'

/** A weight [rows, columns] as integers, and what each row of them is multiplied with. */
export interface QuantizedMatrix {
  /** [rows, columns], row-major, -127…127 */
  readonly values: Int8Array
  /** [rows] */
  readonly scales: Float32Array
}

/** Largest magnitude of a quantised weight, and of a quantised input. */
export const WEIGHT_LIMIT = 127
export const INPUT_LIMIT = 63

/** Each row scaled so that its largest element is 127, and rounded to nearest (halves to even). */
export function quantizeRows(weight: Tensor): QuantizedMatrix {
  const [rows, columns] = weight.shape
  const source = rowMajor(weight.to('float32'))
  const values = new Int8Array(source.length)
  const scales = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    scales[row] = quantizeRow(source.subarray(row * columns, (row + 1) * columns), WEIGHT_LIMIT, values, row * columns)
  }
  return { values, scales }
}

/** x weight^T + bias with both quantised: [..., columns] -> [..., rows]. */
export function linearInt8(x: Float, weight: QuantizedMatrix, bias?: Float): Float {
  const rows = weight.scales.length
  const columns = weight.values.length / rows
  const source = rowMajor(x)
  const shift = bias && rowMajor(bias)
  const { tensor, data } = output([...x.shape.slice(0, -1), rows])
  const quantized = new Int8Array(columns)
  for (let item = 0; item < data.length / rows; item++) {
    const scale = quantizeRow(source.subarray(item * columns, (item + 1) * columns), INPUT_LIMIT, quantized, 0)
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let i = 0, at = row * columns; i < columns; i++, at++) sum += quantized[i] * weight.values[at]
      data[item * rows + row] = Math.fround(sum * Math.fround(scale * weight.scales[row])) + (shift ? shift[row] : 0)
    }
  }
  return tensor
}

/** A row of x as the integers have it, in floats again. */
export function linearInt8Input(row: Float32Array): Float32Array {
  const quantized = new Int8Array(row.length)
  const scale = quantizeRow(row, INPUT_LIMIT, quantized, 0)
  return Float32Array.from(quantized, (value) => value * scale)
}

/** Writes the integers of one row from `at` on; returns its scale. float32 throughout, as the kernels compute it. */
function quantizeRow(row: Float32Array, limit: number, into: Int8Array, at: number): number {
  let largest = 0
  for (let i = 0; i < row.length; i++) largest = Math.max(largest, Math.abs(row[i]))
  const inverse = largest === 0 ? 0 : Math.fround(limit / largest)
  for (let i = 0; i < row.length; i++) into[at + i] = roundTiesToEven(Math.fround(row[i] * inverse))
  return Math.fround(largest / limit)
}

function roundTiesToEven(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
