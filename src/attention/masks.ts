/**
 * Attention masks as numbers to add to the scores: 0 where a query may look, the lowest float32 where it may not. The lowest float32
 * and not -Infinity, as in the models' original code: a query that may look nowhere then gets equal probabilities and not NaN.
 */
import { MASKED } from '../backends/reference/attention.js'
import { output } from '../tensor/ops/float.js'
import type { Float, Ids } from '../tensor/ops/index.js'

export { MASKED }

/** Padding mask for keys: 1 or 0 for each, [batch, key] -> [batch, 1, 1, key]. */
export function paddingMask(attentionMask: Ids): Float {
  const [batch, keys] = attentionMask.shape
  const { tensor, data } = output([batch, 1, 1, keys])
  let index = 0
  for (const at of attentionMask.positions()) data[index++] = attentionMask.data[at] === 0 ? MASKED : 0
  return tensor
}

/** Causal mask: query i sees key j where j <= i + (keys - queries). [1, 1, query, key] */
export function causalMask(queries: number, keys: number): Float {
  const { tensor, data } = output([1, 1, queries, keys])
  for (let i = 0; i < queries; i++) data.fill(MASKED, i * keys + Math.min(keys, i + keys - queries + 1), (i + 1) * keys)
  return tensor
}
