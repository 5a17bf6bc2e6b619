/**
 * Scaled dot-product attention, one query at a time: its row of scores lives in one buffer and is gone when the query is
 * done. The scores are rounded to float32 where the open computation (attention/scaled-dot-product.ts) stores them, so that
 * both give the same bits. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.2.1.
 */
import type { Tensor } from '../../tensor/tensor.js'
import { type Float } from '../../tensor/ops/index.js'
import { output } from '../../tensor/ops/float.js'
import { softmaxRow } from '../../tensor/ops/softmax.js'
import type { AttentionInputs } from '../backend.js'

/** The lowest float32: what a masked score is pushed down by. See attention/masks.ts. */
export const MASKED = -3.4028234663852886e38

/** See {@link AttentionInputs}; returns [batch, heads, query, headDim]. Shapes are checked by the caller. */
export function attention({ query, key, value, scale, positionBias, mask, causal }: AttentionInputs): Float {
  const [batch, heads, queries, headDim] = query.shape
  const [, keyHeads, keys] = key.shape
  const group = heads / keyHeads
  const full = [batch, heads, queries, keys]
  const biases = [positionBias, mask].filter((bias) => bias !== undefined).map((bias) => bias.broadcastTo(full))
  const { tensor, data } = output([batch, heads, queries, headDim])
  const row = new Float32Array(keys)
  const sums = new Float64Array(headDim)

  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kv = Math.floor(h / group)
      for (let i = 0; i < queries; i++) {
        scoreRow(row, query, at3(query, b, h, i), key, at3(key, b, kv, 0), headDim)
        for (let j = 0; j < keys; j++) row[j] *= scale
        for (const bias of biases) addRow(row, bias, at3(bias, b, h, i))
        if (causal) for (let j = i + keys - queries + 1; j < keys; j++) row[j] += MASKED
        softmaxRow(row)

        sums.fill(0)
        const values = value.data
        let at = at3(value, b, kv, 0)
        for (let j = 0; j < keys; j++, at += value.stride[2]) {
          for (let d = 0; d < headDim; d++) sums[d] += row[j] * values[at + d * value.stride[3]]
        }
        data.set(sums, ((b * heads + h) * queries + i) * headDim)
      }
    }
  }
  return tensor
}

/** Dot products of one query with every key. */
function scoreRow(row: Float32Array, query: Float, queryAt: number, key: Float, keyAt: number, headDim: number): void {
  const [q, k] = [query.data, key.data]
  const [queryStep, keyStep] = [query.stride[3], key.stride[3]]
  for (let j = 0; j < row.length; j++) {
    let at = keyAt + j * key.stride[2]
    let sum = 0
    for (let d = 0; d < headDim; d++, at += keyStep) sum += q[queryAt + d * queryStep] * k[at]
    row[j] = sum
  }
}

function addRow(row: Float32Array, bias: Float, start: number): void {
  const step = bias.stride[3]
  for (let j = 0; j < row.length; j++) row[j] += bias.data[start + j * step]
}

/** Position in `data` of element [a, b, c, 0]. */
function at3({ offset, stride }: Tensor, a: number, b: number, c: number): number {
  return offset + a * stride[0] + b * stride[1] + c * stride[2]
}
