/**
 * Attention rollout: how much of each input position may have reached each position through all layers, if attention were all that
 * mixes positions. A layer passes on half from where it looks and, through the residual connection, half from where it stands; the
 * layers multiply. Values, norms and feed-forward blocks are left out, so it says where information can flow and not what it does.
 * Abnar and Zuidema 2020, https://arxiv.org/abs/2005.00928.
 */
import { InputError, ShapeError } from '../errors.js'
import { output } from '../tensor/ops/float.js'
import { matmul, type Float } from '../tensor/ops/index.js'
import { shapesEqual, showShape } from '../tensor/shape.js'

export interface RolloutOptions {
  /** How heads become one: their mean, as in the paper, or the largest probability of any. */
  readonly heads?: 'mean' | 'max'
  /** Share that stays where it is in each layer; 0.5 in the paper. */
  readonly residual?: number
}

/**
 * Rolls the probabilities of self-attention out, from the first layer to the last of the list.
 * @param layers probabilities [batch, heads, position, position] of each layer, such as `attentions` of an encoder's output
 * @returns [batch, position, input position], each row summing to 1; for a list up to layer i, what has flowed by then
 * @throws ShapeError for layers that are not square or not alike; InputError for no layers or a share outside [0, 1)
 */
export function attentionRollout(
  layers: readonly Float[],
  { heads = 'mean', residual = 0.5 }: RolloutOptions = {},
): Float {
  if (layers.length === 0) throw new InputError('missing-input', 'attentionRollout: there are no layers')
  if (!(residual >= 0 && residual < 1)) {
    throw new InputError('bad-option', `attentionRollout: residual is ${residual}, expected a share from 0 to below 1`)
  }
  const flows = layers.map((probs) => flowOf(probs, heads, residual))
  const uneven = flows.find(({ shape }) => !shapesEqual(shape, flows[0].shape))
  if (uneven) {
    throw new ShapeError('attentionRollout', `layers of ${showShape(flows[0].shape)} and of ${showShape(uneven.shape)}`)
  }
  return flows.reduce((before, flow) => matmul(flow, before))
}

/** One layer: the heads as one, rows summing to 1, and the share that stays. [batch, position, position] */
function flowOf(probs: Float, heads: 'mean' | 'max', residual: number): Float {
  const [batch, numHeads, positions] = probs.shape
  if (probs.rank !== 4 || probs.shape[3] !== positions) {
    throw new ShapeError('attentionRollout', `${showShape(probs.shape)} is not [batch, heads, position, position]`)
  }
  const { tensor, data } = output([batch, positions, positions])
  for (let row = 0; row < batch; row++) {
    const own = probs.select(0, row)
    for (let query = 0; query < positions; query++) {
      const at = (row * positions + query) * positions
      const flow = data.subarray(at, at + positions)
      for (let head = 0; head < numHeads; head++) {
        const looks = own.select(0, head).select(0, query).toArray() // [position]
        for (let key = 0; key < positions; key++) {
          flow[key] = heads === 'mean' ? flow[key] + looks[key] : Math.max(flow[key], looks[key])
        }
      }
      const sum = flow.reduce((total, share) => total + share, 0)
      for (let key = 0; key < positions; key++) flow[key] *= (1 - residual) / sum
      flow[query] += residual
    }
  }
  return tensor
}
