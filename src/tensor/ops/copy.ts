/**
 * Copying between views: what a key-value cache is written with.
 */
import { ShapeError } from '../../errors.js'
import { shapesEqual, showShape } from '../shape.js'
import type { Float } from './float.js'

/** Writes the elements of `source` into a view of the same shape. @throws ShapeError when the shapes differ */
export function copyInto(target: Float, source: Float): void {
  if (!shapesEqual(target.shape, source.shape)) {
    throw new ShapeError('copyInto', `${showShape(source.shape)} does not fit ${showShape(target.shape)}`)
  }
  const from = source.rows()
  for (const { start, step, length } of target.rows()) {
    const read = from.next().value as { start: number; step: number }
    for (let i = 0; i < length; i++) target.data[start + i * step] = source.data[read.start + i * read.step]
  }
}
