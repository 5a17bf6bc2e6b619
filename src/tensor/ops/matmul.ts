/**
 * Matrix products. `linear` multiplies with a weight stored as [out, in], the layout of PyTorch's nn.Linear, so that both
 * operands are read along their rows; `matmul` is the general batched product on any strides.
 */
import { ShapeError } from '../../errors.js'
import { broadcastShapes, showShape } from '../shape.js'
import { output, rowMajor, type Float } from './float.js'

/**
 * Batched matrix product: [..., m, k] x [..., k, n] -> [..., m, n]. Leading axes broadcast; views are read in place.
 * @throws ShapeError when the inner sizes differ or the leading axes do not broadcast
 */
export function matmul(a: Float, b: Float): Float {
  if (a.rank < 2 || b.rank < 2)
    throw new ShapeError('matmul', `${showShape(a.shape)} x ${showShape(b.shape)}: both need two axes`)
  const [m, k] = a.shape.slice(-2)
  const [inner, n] = b.shape.slice(-2)
  if (k !== inner) {
    throw new ShapeError(
      'matmul',
      `${showShape(a.shape)} x ${showShape(b.shape)}: inner dimensions ${k} and ${inner} differ`,
    )
  }
  const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2))
  const left = a.broadcastTo([...batch, m, k])
  const right = b.broadcastTo([...batch, k, n])
  const [leftRow, leftStep] = left.stride.slice(-2)
  const [rightStep, rightColumn] = right.stride.slice(-2)
  const leftData = left.data
  const rightData = right.data
  const { tensor, data } = output([...batch, m, n])
  const leftStarts = batchStarts(left)
  const rightStarts = batchStarts(right)
  let out = 0
  for (let item = 0; item < leftStarts.length; item++) {
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let at = leftStarts[item] + row * leftRow
        let bt = rightStarts[item] + column * rightColumn
        let sum = 0
        for (let i = 0; i < k; i++, at += leftStep, bt += rightStep) sum += leftData[at] * rightData[bt]
        data[out++] = sum
      }
    }
  }
  return tensor
}

/** Positions in `data` of the first element of each matrix of a batch. */
function batchStarts(tensor: Float): number[] {
  return [
    ...tensor
      .slice(-2, 0, Math.min(1, tensor.shape.at(-2)!))
      .slice(-1, 0, Math.min(1, tensor.shape.at(-1)!))
      .positions(),
  ]
}

/**
 * `x @ weight^T + bias`: [..., in] x [out, in] (+ [out]) -> [..., out].
 * @throws ShapeError when the last axis of x is not `in` or the bias is not [out]
 */
export function linear(x: Float, weight: Float, bias?: Float): Float {
  const [outFeatures, inFeatures] = weight.shape
  if (weight.rank !== 2 || x.shape.at(-1) !== inFeatures) {
    throw new ShapeError(
      'linear',
      `input ${showShape(x.shape)} does not fit weight ${showShape(weight.shape)} ([out, in])`,
    )
  }
  if (bias && (bias.rank !== 1 || bias.size !== outFeatures)) {
    throw new ShapeError(
      'linear',
      `bias ${showShape(bias.shape)} does not fit weight ${showShape(weight.shape)} ([out, in])`,
    )
  }
  const { tensor, data } = output([...x.shape.slice(0, -1), outFeatures])
  linearRows(rowMajor(x), rowMajor(weight), bias && rowMajor(bias), inFeatures, outFeatures, data)
  return tensor
}

/**
 * Four rows of x at a time share each weight that is read, which keeps this the plain triple loop at three times its speed.
 * Every sum runs in the same order whatever the number of rows, so a row's result does not depend on its batch.
 */
function linearRows(
  x: Float32Array, // [rows, in]
  weight: Float32Array, // [out, in]
  bias: Float32Array | undefined, // [out]
  inFeatures: number,
  outFeatures: number,
  out: Float32Array, // [rows, out]
): void {
  const rows = out.length / outFeatures
  let row = 0
  for (; row + 4 <= rows; row += 4) {
    const x0 = x.subarray(row * inFeatures, (row + 1) * inFeatures)
    const x1 = x.subarray((row + 1) * inFeatures, (row + 2) * inFeatures)
    const x2 = x.subarray((row + 2) * inFeatures, (row + 3) * inFeatures)
    const x3 = x.subarray((row + 3) * inFeatures, (row + 4) * inFeatures)
    for (let column = 0; column < outFeatures; column++) {
      const w = weight.subarray(column * inFeatures, (column + 1) * inFeatures)
      let sum0 = 0
      let sum1 = 0
      let sum2 = 0
      let sum3 = 0
      for (let i = 0; i < inFeatures; i++) {
        const value = w[i]
        sum0 += x0[i] * value
        sum1 += x1[i] * value
        sum2 += x2[i] * value
        sum3 += x3[i] * value
      }
      const shift = bias ? bias[column] : 0
      const at = row * outFeatures + column
      out[at] = sum0 + shift
      out[at + outFeatures] = sum1 + shift
      out[at + 2 * outFeatures] = sum2 + shift
      out[at + 3 * outFeatures] = sum3 + shift
    }
  }
  for (; row < rows; row++) {
    const x0 = x.subarray(row * inFeatures, (row + 1) * inFeatures)
    for (let column = 0; column < outFeatures; column++) {
      const w = weight.subarray(column * inFeatures, (column + 1) * inFeatures)
      let sum = 0
      for (let i = 0; i < inFeatures; i++) sum += x0[i] * w[i]
      out[row * outFeatures + column] = sum + (bias ? bias[column] : 0)
    }
  }
}
