/**
 * The largest elements of a row, in order.
 */
import { InputError } from '../../errors.js'

export interface TopK {
  readonly values: Float32Array
  readonly indices: Int32Array
}

/**
 * The k largest numbers of a row, largest first; equal numbers keep the order of their indices. A row shorter than k is
 * returned whole. Insertion into a sorted list of k: exact, and linear in the row for the small k it is used with.
 * @throws InputError unless k is a whole number of 1 or more
 */
export function topK(row: Float32Array, k: number): TopK {
  if (!Number.isInteger(k) || k < 1)
    throw new InputError('bad-k', `topK: k is ${k}, expected a whole number of 1 or more`)
  const count = Math.min(k, row.length)
  const values = new Float32Array(count)
  const indices = new Int32Array(count)
  let filled = 0
  for (let index = 0; index < row.length; index++) {
    const value = row[index]
    if (filled === count && value <= values[count - 1]) continue
    let at = filled < count ? filled++ : count - 1
    for (; at > 0 && values[at - 1] < value; at--) {
      values[at] = values[at - 1]
      indices[at] = indices[at - 1]
    }
    values[at] = value
    indices[at] = index
  }
  return { values, indices }
}
