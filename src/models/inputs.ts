/**
 * What a caller may pass as token ids and masks, made into tensors and checked against the model's limits before anything runs.
 */
import { InputError, ShapeError } from '../errors.js'
import type { Ids } from '../tensor/ops/index.js'
import { showShape, shapesEqual } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'

/** Token ids or a mask: rows of numbers of equal length, or an integer tensor [batch, seq]. */
export type IdsLike = readonly (readonly number[])[] | Tensor<'int32'> | Tensor<'int64'>

/** A place in each row: a number for every row, or an integer tensor [batch]. */
export type PositionsLike = readonly number[] | Tensor<'int32'> | Tensor<'int64'>

/**
 * @throws ShapeError unless the rows form [batch, seq] with at least one element
 */
export function toIds(name: string, ids: IdsLike): Ids {
  const tensor = ids instanceof Tensor ? (ids as Tensor).to('int32') : fromRows(name, ids)
  if (tensor.rank !== 2 || tensor.size === 0) {
    throw new ShapeError(name, `got ${showShape(tensor.shape)}, expected [batch, seq] with at least one token`)
  }
  return tensor
}

function fromRows(name: string, rows: readonly (readonly number[])[]): Ids {
  const width = rows[0]?.length ?? 0
  const uneven = rows.find((row) => row.length !== width)
  if (uneven)
    throw new ShapeError(
      name,
      `rows of ${width} and of ${uneven.length}; pad them to one length and pass an attention mask`,
    )
  const flat = rows.flat()
  requireWhole(name, flat)
  return Tensor.int32(flat, [rows.length, width])
}

function requireWhole(name: string, numbers: readonly number[]): void {
  const wrong = numbers.find((number) => !Number.isInteger(number))
  if (wrong !== undefined) throw new InputError('bad-id', `${name}: ${wrong} is not a whole number`)
}

/** The mask, or one of ones where none is given. @throws ShapeError unless it has the shape of the ids */
export function toMask(name: string, mask: IdsLike | undefined, ids: Ids): Ids {
  if (mask === undefined) return Tensor.int32(new Int32Array(ids.size).fill(1), ids.shape)
  const tensor = toIds(name, mask)
  if (!shapesEqual(tensor.shape, ids.shape)) {
    throw new ShapeError(name, `got ${showShape(tensor.shape)} for ids ${showShape(ids.shape)}`)
  }
  return tensor
}

/**
 * The positions within [0, seq], those outside moved to its ends.
 * @throws ShapeError unless there is one for each row
 */
export function toPositions(name: string, positions: PositionsLike, batch: number, seq: number): Ids {
  const shape = positions instanceof Tensor ? positions.shape : [positions.length]
  if (!shapesEqual(shape, [batch])) throw new ShapeError(name, `got ${showShape(shape)} for a batch of ${batch}`)
  const numbers = positions instanceof Tensor ? positions.toArray() : positions
  requireWhole(name, numbers)
  return Tensor.int32(
    numbers.map((position) => Math.min(Math.max(position, 0), seq)),
    [batch],
  )
}
