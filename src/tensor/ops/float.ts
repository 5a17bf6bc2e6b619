/**
 * What the reference ops share: they compute on float32 tensors, row by row over the last axis, and accumulate in
 * JavaScript's doubles, so that their own rounding is far below every tolerance.
 */
import { Tensor } from '../tensor.js'
import { type Shape, sizeOf } from '../shape.js'

/** A float32 tensor: what every kernel takes and returns. */
export type Float = Tensor<'float32'>

/** The elements of a tensor in row-major order, as a view where possible. */
export function rowMajor(tensor: Float): Float32Array {
  const source = tensor.contiguous()
  return source.data.subarray(source.offset, source.offset + source.size)
}

/** A fresh float32 tensor and its data. */
export function output(shape: Shape): { tensor: Float; data: Float32Array } {
  const data = new Float32Array(sizeOf(shape))
  return { tensor: new Tensor({ dtype: 'float32', data, shape }), data }
}

/** Size of the last axis; 1 for a scalar. */
export function lastSize(shape: Shape): number {
  return shape.at(-1) ?? 1
}
