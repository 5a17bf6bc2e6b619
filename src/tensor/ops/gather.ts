/**
 * Rows of a table by their numbers: what an embedding is.
 */
import { InputError, ShapeError } from '../../errors.js'
import type { Tensor } from '../tensor.js'
import { showShape } from '../shape.js'
import { output, type Float } from './float.js'

/** Token ids, positions and other row numbers. */
export type Ids = Tensor<'int32'>

/**
 * [rows, dimension] at ids [...] -> [..., dimension]. A float16 or bfloat16 table stays as it is: only the rows that are asked
 * for are widened.
 * @throws InputError for an id that is not a row of the table
 */
export function gather(table: Tensor, ids: Ids): Float {
  if (table.rank !== 2)
    throw new ShapeError('gather', `the table is ${showShape(table.shape)}, expected [rows, dimension]`)
  const [rows, dimension] = table.shape
  const { tensor, data } = output([...ids.shape, dimension])
  let out = 0
  for (const at of ids.positions()) {
    const id = ids.data[at]
    if (id < 0 || id >= rows) {
      throw new InputError('id-outside-vocabulary', `gather: id ${id} is outside the table of ${rows} rows`)
    }
    const row = table.select(0, id).to('float32')
    data.set(row.data.subarray(row.offset, row.offset + dimension), out)
    out += dimension
  }
  return tensor
}
