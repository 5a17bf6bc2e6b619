/**
 * Softmax and its relatives. All subtract the row's maximum first, so that exp never overflows.
 */
import { resolveAxis } from '../shape.js'
import { lastSize, output, rowMajor, type Float } from './float.js'

/** exp(x) / sum(exp(x)) over one axis, the last unless told. A row of -Infinity alone gives NaN, as in PyTorch. */
export function softmax(x: Float, axis = -1): Float {
  const last = resolveAxis('softmax', x.shape, axis)
  if (last !== x.rank - 1) {
    const order = x.shape.map((_, index) => index)
    order[last] = x.rank - 1
    order[x.rank - 1] = last
    return softmax(x.transpose(...order)).transpose(...order)
  }
  const { tensor, data } = output(x.shape)
  data.set(rowMajor(x))
  const width = lastSize(x.shape)
  for (let start = 0; start < data.length; start += width) softmaxRow(data.subarray(start, start + width))
  return tensor
}

/** Softmax of one row in place. */
export function softmaxRow(row: Float32Array): void {
  const max = maximum(row)
  let sum = 0
  for (let i = 0; i < row.length; i++) {
    row[i] = Math.exp(row[i] - max)
    sum += row[i]
  }
  for (let i = 0; i < row.length; i++) row[i] /= sum
}

/** x - logSumExp(x) over the last axis. */
export function logSoftmax(x: Float): Float {
  const { tensor, data } = output(x.shape)
  const source = rowMajor(x)
  const width = lastSize(x.shape)
  for (let start = 0; start < data.length; start += width) {
    const total = logSumExpRow(source.subarray(start, start + width))
    for (let i = start; i < start + width; i++) data[i] = source[i] - total
  }
  return tensor
}

/** log(sum(exp(x))) over the last axis: [..., n] -> [...]. */
export function logSumExp(x: Float): Float {
  const { tensor, data } = output(x.shape.slice(0, -1))
  const source = rowMajor(x)
  const width = lastSize(x.shape)
  for (let row = 0; row < data.length; row++) data[row] = logSumExpRow(source.subarray(row * width, (row + 1) * width))
  return tensor
}

/** log(sum(exp(x))) of one row of numbers; -Infinity for an empty row. */
export function logSumExpRow(row: ArrayLike<number>): number {
  const max = maximum(row)
  if (max === -Infinity) return -Infinity
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i] - max)
  return max + Math.log(sum)
}

function maximum(row: ArrayLike<number>): number {
  let max = -Infinity
  for (let i = 0; i < row.length; i++) if (row[i] > max) max = row[i]
  return max
}
