/**
 * Rows of padding on the left of a batch hold what nobody defines; comparisons leave them out.
 */
import { Tensor, type Float } from 'glassformer'

/** The tensor with zeros at the positions that do not count; [batch, seq, …] or, for attentions, [batch, heads, seq, key]. */
export function only(where: Tensor<'int32'> | undefined, tensor: Float): Float {
  if (!where) return tensor
  const [batch, seq] = where.shape
  const lead = tensor.rank === 4 ? [batch, 1, seq, 1] : [batch, seq, 1]
  const counts = where.reshape(lead).broadcastTo(tensor.shape).toArray()
  return Tensor.float32(
    tensor.toArray().map((value, i) => (counts[i] === 0 ? 0 : value)),
    tensor.shape,
  )
}
