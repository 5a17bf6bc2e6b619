/**
 * Arithmetic on shapes and strides. Strides count elements, not bytes, as in ndarray. Nothing here touches data.
 */
import { ShapeError } from '../errors.js'

/** Sizes of the axes, outermost first. `[]` is a scalar. */
export type Shape = readonly number[]

/** `[2, 3]`, for messages. */
export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}

/** Strides of a row-major array of this shape. */
export function rowMajorStride(shape: Shape): number[] {
  const stride = new Array<number>(shape.length)
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    stride[axis] = step
    step *= shape[axis]
  }
  return stride
}

export function shapesEqual(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis])
}

/** The axis counted from the front; `-1` is the last. */
export function resolveAxis(operation: string, shape: Shape, axis: number): number {
  const resolved = axis < 0 ? axis + shape.length : axis
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= shape.length) {
    throw new ShapeError(operation, `axis ${axis} is outside ${showShape(shape)}, which has ${shape.length} axes`)
  }
  return resolved
}

/**
 * The shape that two shapes broadcast to: axes are matched from the last, and a size of 1 stretches to the other size.
 * @throws ShapeError where two sizes differ and neither is 1
 */
export function broadcastShapes(operation: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const sizeA = a[axis - rank + a.length] ?? 1
    const sizeB = b[axis - rank + b.length] ?? 1
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      throw new ShapeError(
        operation,
        `${showShape(a)} and ${showShape(b)}: sizes ${sizeA} and ${sizeB} do not broadcast`,
      )
    }
    return sizeA === 1 ? sizeB : sizeA
  })
}
