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
  if (source.size === 0) return
  const rows = source.slice(-1, 0, 1).positions()
  const width = source.shape.at(-1)!
  const [from, to] = [source.stride.at(-1)!, target.stride.at(-1)!]
  for (let at of target.slice(-1, 0, 1).positions()) {
    let read = rows.next().value as number
    for (let i = 0; i < width; i++, read += from, at += to) target.data[at] = source.data[read]
  }
}
