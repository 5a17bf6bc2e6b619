/**
 * softmax(q k^T * scale + bias) v, in the open: every step is a tensor that a hook can read or replace. The backend's fused
 * kernel computes the same numbers without storing the scores; it runs whenever nobody looks at them.
 */
import type { AttentionInputs, Kernels } from '../backends/index.js'
import { ShapeError } from '../errors.js'
import { showShape } from '../tensor/shape.js'
import type { Float } from '../tensor/ops/index.js'
import type { Pass } from '../layers/index.js'
import type { HookPoint } from '../trace/glass.js'
import { causalMask } from './masks.js'

export interface AttentionPoints {
  /** After scale, position bias and mask; before softmax. [batch, heads, query, key] */
  readonly scores: HookPoint
  /** After softmax. [batch, heads, query, key] */
  readonly probs: HookPoint
}

/** [batch, heads, query, headDim]; see {@link AttentionInputs} for the shapes. */
export async function scaledDotProductAttention(
  pass: Pass,
  inputs: AttentionInputs,
  points: AttentionPoints,
): Promise<Float> {
  checkShapes(inputs)
  const { kernels } = pass
  if (!pass.watches(points.scores) && !pass.watches(points.probs)) return kernels.attention(inputs)

  const { query, scale, positionBias, mask, causal } = inputs
  const heads = query.shape[1]
  const key = repeatHeads(inputs.key, heads, kernels) // [batch, heads, key, headDim]
  const value = repeatHeads(inputs.value, heads, kernels) // [batch, heads, key, headDim]
  let scores = kernels.scale(await kernels.matmul(query, key.transpose(0, 1, 3, 2)), scale) // [batch, heads, query, key]
  if (positionBias) scores = kernels.add(scores, positionBias)
  if (mask) scores = kernels.add(scores, mask)
  if (causal) scores = kernels.add(scores, causalMask(query.shape[2], key.shape[2]))
  scores = await pass.show(points.scores, scores)
  const probs = await pass.show(points.probs, kernels.softmax(scores)) // [batch, heads, query, key]
  return kernels.matmul(probs, value)
}

/** Each group of query heads with its shared key or value head. */
function repeatHeads(x: Float, heads: number, kernels: Kernels): Float {
  const [batch, keyHeads, seq, headDim] = x.shape
  if (keyHeads === heads) return x
  const shared = kernels.contiguous(x).reshape([batch * keyHeads, 1, seq, headDim])
  const repeated = shared.broadcastTo([batch * keyHeads, heads / keyHeads, seq, headDim])
  return kernels.contiguous(repeated).reshape([batch, heads, seq, headDim])
}

function checkShapes({ query, key, value, causal }: AttentionInputs): void {
  const [batch, heads, queries, headDim] = query.shape
  const [keyBatch, keyHeads, keys, keyDim] = key.shape
  const fits =
    [query, key, value].every(({ rank }) => rank === 4) &&
    batch === keyBatch &&
    heads % keyHeads === 0 &&
    headDim === keyDim &&
    key.shape.every((size, axis) => size === value.shape[axis]) &&
    !(causal && queries > keys)
  if (fits) return
  throw new ShapeError(
    'attention',
    `query ${showShape(query.shape)}, key ${showShape(key.shape)}, value ${showShape(value.shape)} do not fit [batch, heads, seq, headDim]`,
  )
}
