/**
 * Attention masks as numbers to add to the scores: 0 where a query may look, the lowest float32 where it may not. The lowest float32
 * and not -Infinity, as in the models' original code: a query that may look nowhere then gets equal probabilities and not NaN.
 */
import { MASKED } from '../backends/reference/attention.js'
import { output, rowMajor } from '../tensor/ops/float.js'
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

/**
 * What a window adds to the causal mask: query i sees none of the keys j <= i + (keys - queries) - window. With padding [batch, 1, 1, key] the mask
 * covers both, [batch, 1, query, key]; where the window reaches all keys, that is the padding alone.
 */
export function windowMask(queries: number, keys: number, window: number, padding?: Float): Float | undefined {
  if (keys <= window) return padding
  const batch = padding?.shape[0] ?? 1
  const { tensor, data } = output([batch, 1, queries, keys])
  for (let row = 0; row < batch * queries; row++) {
    const start = row * keys
    const query = row % queries
    if (padding) data.set(rowMajor(padding.select(0, Math.floor(row / queries))), start)
    data.fill(MASKED, start, start + Math.max(0, query + keys - queries - window + 1))
  }
  return tensor
}

/** Causal mask: query i sees key j where j <= i + (keys - queries). [1, 1, query, key] */
export function causalMask(queries: number, keys: number): Float {
  const { tensor, data } = output([1, 1, queries, keys])
  for (let i = 0; i < queries; i++) data.fill(MASKED, i * keys + Math.min(keys, i + keys - queries + 1), (i + 1) * keys)
  return tensor
}
