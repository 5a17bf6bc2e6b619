/**
 * The part of a tensor that belongs to one row (decoder-steps.ts). The first axis of most tensors is the row. Cross-attention is
 * different in a search: beams of one source are computed as further queries of it, [sources, heads, beams * query, …], and
 * share its keys and values.
 */
import { InputError, ShapeError } from '../errors.js'
import type { Float } from '../tensor/ops/index.js'
import { showShape } from '../tensor/shape.js'
import type { DecoderStep } from './decoder-steps.js'
import type { HookPoint } from './glass.js'

/** How many rows passed the point with this tensor. */
export function rowCount(tensor: Float, step: DecoderStep | undefined): number {
  return step?.parents.length ?? tensor.shape[0]
}

/**
 * A view of one row, without the first axis: `probs` [batch, heads, query, key] -> [heads, query, key].
 * @throws InputError when there is no such row; ShapeError for a tensor that has not the axes of its point
 */
export function viewOfRow(tensor: Float, point: HookPoint, step: DecoderStep | undefined, row: number): Float {
  if (tensor.rank !== point.shape.length) {
    throw new ShapeError(point.name, `${showShape(tensor.shape)} has not the axes [${point.shape.join(', ')}]`)
  }
  const rows = rowCount(tensor, step)
  if (!Number.isInteger(row) || row < 0 || row >= rows) {
    throw new InputError('bad-row', `${point.name}: there is no row ${row} of ${rows}`)
  }
  const held = tensor.shape[0]
  const sharing = rows / held // rows that one index of the first axis holds
  const own = tensor.select(0, Math.floor(row / sharing))
  const queryAxis = point.shape.indexOf('query')
  if (point.shape[0] !== 'batch' || sharing === 1 || queryAxis < 0) return own
  const queries = tensor.shape[queryAxis] / sharing
  const first = (row % sharing) * queries
  return own.slice(queryAxis - 1, first, first + queries)
}
