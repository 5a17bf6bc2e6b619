/**
 * Parts of a tensor by what they are of: rows, heads, positions in the text.
 */
import { InputError } from '../errors.js'
import type { Float } from '../tensor/ops/index.js'
import { showShape } from '../tensor/shape.js'
import type { DecoderStep } from './decoder-steps.js'
import type { HookPoint } from './glass.js'
import { rowCount, viewOfRow } from './rows.js'

/**
 * Where in a tensor: everywhere unless told. In a generation, rows and positions that a step does not have are left for the step that
 * has them; elsewhere they are errors.
 */
export interface PatchPlace {
  /** Rows of the batch, as decoder-steps.ts counts them. */
  readonly rows?: readonly number[]
  readonly heads?: readonly number[]
  /** Places in the text, padding included: of queries, or of keys at points that have only these (`k`, `v`). */
  readonly positions?: readonly number[]
}

/** Views of the parts of a tensor that a place names, each with all axes but the first: a part for each row, head and position. */
export function cells(
  tensor: Float,
  point: HookPoint,
  step: DecoderStep | undefined,
  { rows, heads, positions }: PatchPlace,
): readonly Float[] {
  if (!rows && !heads && !positions) return [tensor]
  const count = rowCount(tensor, step)
  if (rows && isShared(tensor, point, count)) {
    throw new InputError('bad-row', `${point.name}: ${showShape(tensor.shape)} is one for several rows; leave out rows`)
  }
  const everyRow = Array.from({ length: count }, (_, row) => row)
  const parts = (rows ?? everyRow)
    .filter((row) => row < count || !step)
    .map((row) => viewOfRow(tensor, point, step, row)) // [heads, query, …] or [query, …]
  const byHead = heads ? parts.flatMap((part) => heads.map((head) => headOf(part, point, head))) : parts
  return positions ? byHead.flatMap((part) => positionsOf(part, { point, step, positions })) : byHead
}

/** Whether rows do not have a part each, as with the keys of a source that several beams read. */
function isShared({ shape }: Float, point: HookPoint, rows: number): boolean {
  return point.shape[0] !== 'batch' || (shape[0] !== rows && !point.shape.includes('query'))
}

/** [heads, query, …] -> [1, query, …] */
function headOf(part: Float, { name, shape }: HookPoint, head: number): Float {
  if (shape.length !== 4) throw new InputError('bad-head', `${name}: [${shape.join(', ')}] has no heads`)
  const heads = part.shape[0]
  if (Number.isInteger(head) && head >= 0 && head < heads) return part.slice(0, head, head + 1)
  throw new InputError('bad-head', `${name}: there is no head ${head} of ${heads}`)
}

function positionsOf(
  part: Float,
  { point, step, positions }: { point: HookPoint; step: DecoderStep | undefined; positions: readonly number[] },
): Float[] {
  const { name, shape } = point
  const isOfQueries = shape.includes('query')
  const axis = shape.indexOf(isOfQueries ? 'query' : 'key') - 1
  if (axis < 0) throw new InputError('bad-position', `${name}: [${shape.join(', ')}] has no positions`)
  const count = part.shape[axis]
  const first = isOfQueries ? (step?.start ?? 0) : 0
  return positions.flatMap((position) => {
    const at = position - first
    if (Number.isInteger(position) && at >= 0 && at < count) return [part.slice(axis, at, at + 1)]
    if (Number.isInteger(position) && position >= 0 && step) return []
    throw new InputError('bad-position', `${name}: there is no position ${position} of ${count}`)
  })
}
