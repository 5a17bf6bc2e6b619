/**
 * Sums and products of elements, with broadcasting.
 */
import { broadcastShapes, shapesEqual } from '../shape.js'
import { output, rowMajor, type Float } from './float.js'

/** a + b. */
export function add(a: Float, b: Float): Float {
  return combine('add', a, b, (x, y) => x + y)
}

/** a * b, element by element. */
export function multiply(a: Float, b: Float): Float {
  return combine('multiply', a, b, (x, y) => x * y)
}

/** x * factor. */
export function scale(x: Float, factor: number): Float {
  const { tensor, data } = output(x.shape)
  const source = rowMajor(x)
  for (let i = 0; i < data.length; i++) data[i] = source[i] * factor
  return tensor
}

function combine(operation: string, a: Float, b: Float, apply: (x: number, y: number) => number): Float {
  const shape = broadcastShapes(operation, a.shape, b.shape)
  const left = rowMajor(shapesEqual(a.shape, shape) ? a : a.broadcastTo(shape))
  const right = rowMajor(shapesEqual(b.shape, shape) ? b : b.broadcastTo(shape))
  const { tensor, data } = output(shape)
  for (let i = 0; i < data.length; i++) data[i] = apply(left[i], right[i])
  return tensor
}
