/**
 * Sentence pooling: from one vector per token to one per text, as sentence-transformers' 1_Pooling/config.json and modules.json
 * describe it.
 */
import { ShapeError } from '../errors.js'
import { normalize, type Float, type Ids } from '../tensor/ops/index.js'
import { output, rowMajor } from '../tensor/ops/float.js'
import { showShape } from '../tensor/shape.js'

export type PoolingMode = 'mean' | 'cls'

export interface PoolingOptions {
  readonly mode: PoolingMode
  /** Scale each vector to length 1, so that dot products are cosines. */
  readonly normalize: boolean
}

/**
 * [batch, seq, dimension] with mask [batch, seq] -> [batch, dimension]. `mean` averages the positions whose mask is 1; `cls` takes
 * the first.
 */
export function pool(hiddenStates: Float, attentionMask: Ids, options: PoolingOptions): Float {
  const pooled = options.mode === 'cls' ? hiddenStates.select(1, 0).contiguous() : meanPool(hiddenStates, attentionMask)
  return options.normalize ? normalize(pooled) : pooled
}

function meanPool(hiddenStates: Float, attentionMask: Ids): Float {
  const [batch, seq, dimension] = hiddenStates.shape
  if (attentionMask.shape[0] !== batch || attentionMask.shape[1] !== seq) {
    throw new ShapeError('pool', `mask ${showShape(attentionMask.shape)} does not fit ${showShape(hiddenStates.shape)}`)
  }
  const mask = attentionMask.toArray() // [batch * seq]
  const source = rowMajor(hiddenStates)
  const { tensor, data } = output([batch, dimension])
  for (let item = 0; item < batch; item++) {
    const sums = new Float64Array(dimension)
    let count = 0
    for (let position = item * seq; position < (item + 1) * seq; position++) {
      if (mask[position] === 0) continue
      count++
      for (let i = 0; i < dimension; i++) sums[i] += source[position * dimension + i]
    }
    for (let i = 0; i < dimension; i++) data[item * dimension + i] = sums[i] / Math.max(count, 1e-9)
  }
  return tensor
}
