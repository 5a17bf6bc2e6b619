/**
 * Multi-head attention, once for all models and both uses. Self-attention takes queries, keys and values from the same
 * states; cross-attention takes keys and values from another sequence (a decoder reading the encoder's output). What differs between
 * families (names, biases, scale, positions, shared key heads) is an option; norms and residuals belong to the layer around it.
 */
import { ShapeError } from '../errors.js'
import { Linear, type Pass, type WeightScope } from '../layers/index.js'
import type { Float, Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import type { KeysAndValues, KeyValueCache } from './kv-cache.js'
import type { RotaryEmbedding } from './rotary-embedding.js'
import { scaledDotProductAttention } from './scaled-dot-product.js'

export interface MultiHeadAttentionOptions {
  readonly dimension: number
  readonly numHeads: number
  readonly headDim: number
  /** Fewer key and value heads than query heads: grouped-query attention (https://arxiv.org/abs/2305.13245). */
  readonly numKeyValueHeads?: number
  /** What scores are multiplied with; 1 / sqrt(headDim) in the paper, 1 in T5. */
  readonly scale: number
  readonly bias: boolean
  /** The weights' names under the scope. */
  readonly names: { readonly query: string; readonly key: string; readonly value: string; readonly out: string }
  readonly rotary?: RotaryEmbedding
}

export interface MultiHeadAttentionInputs {
  /** [batch, query, dimension] */
  readonly hiddenStates: Float
  /**
   * The other sequence of cross-attention, [sources, key, dimension]. `batch` may be a multiple of `sources`: then neighbouring
   * rows, the beams of a search, read one source and are computed, and shown to hooks, as further queries of it.
   */
  readonly keyValueStates?: Float
  /** Broadcasts to [batch, heads, query, key]. */
  readonly positionBias?: Float
  /** Broadcasts to [batch, heads, query, key]. */
  readonly mask?: Float
  readonly causal?: boolean
  /** Positions of the queries for rotary embeddings, [batch or 1, query]; by default they follow the cache. */
  readonly positions?: Ids
  /** Grows in self-attention; in cross-attention it is filled once and then read. */
  readonly cache?: KeyValueCache
}

export class MultiHeadAttention {
  readonly #options: MultiHeadAttentionOptions
  readonly #keyHeads: number
  readonly #query: Linear
  readonly #key: Linear
  readonly #value: Linear
  readonly #out: Linear
  readonly #points

  constructor(name: string, weights: WeightScope, options: MultiHeadAttentionOptions) {
    const { dimension, numHeads, headDim, bias, names, numKeyValueHeads: keyHeads = numHeads } = options
    this.#options = options
    this.#keyHeads = keyHeads
    this.#query = new Linear(weights.scope(names.query), {
      inFeatures: dimension,
      outFeatures: numHeads * headDim,
      bias,
    })
    this.#key = new Linear(weights.scope(names.key), { inFeatures: dimension, outFeatures: keyHeads * headDim, bias })
    this.#value = new Linear(weights.scope(names.value), {
      inFeatures: dimension,
      outFeatures: keyHeads * headDim,
      bias,
    })
    this.#out = new Linear(weights.scope(names.out), { inFeatures: numHeads * headDim, outFeatures: dimension, bias })
    this.#points = {
      q: hookPoint(`${name}.q`, ['batch', numHeads, 'query', headDim]),
      k: hookPoint(`${name}.k`, ['batch', keyHeads, 'key', headDim]),
      v: hookPoint(`${name}.v`, ['batch', keyHeads, 'key', headDim]),
      scores: hookPoint(`${name}.scores`, ['batch', numHeads, 'query', 'key']),
      probs: hookPoint(`${name}.probs`, ['batch', numHeads, 'query', 'key']),
      context: hookPoint(`${name}.context`, ['batch', numHeads, 'query', headDim]),
      out: hookPoint(`${name}.out`, ['batch', 'query', dimension]),
    }
  }

  hookPoints(): HookPoint[] {
    return Object.values(this.#points)
  }

  /** -> [batch, query, dimension] */
  async forward(inputs: MultiHeadAttentionInputs, pass: Pass): Promise<Float> {
    const { hiddenStates, keyValueStates } = inputs
    const [batch, queries, dimension] = hiddenStates.shape
    const sources = keyValueStates?.shape[0] ?? batch
    if (sources === batch) return this.#attend(inputs, pass)
    if (batch % sources !== 0) {
      throw new ShapeError('attention', `${batch} rows do not share ${sources} sources evenly`)
    }
    const together = hiddenStates.reshape([sources, (batch / sources) * queries, dimension])
    return (await this.#attend({ ...inputs, hiddenStates: together }, pass)).reshape(hiddenStates.shape)
  }

  async #attend(inputs: MultiHeadAttentionInputs, pass: Pass): Promise<Float> {
    const { numHeads, headDim, scale } = this.#options
    const { hiddenStates, positionBias, mask, causal } = inputs
    const [batch, queries] = hiddenStates.shape
    const projected = splitHeads(await this.#query.forward(hiddenStates, pass), numHeads) // [batch, heads, query, headDim]
    const { query: turned, keysAndValues } = await this.#keysAndValues(projected, inputs, pass)
    const query = await pass.show(this.#points.q, turned)
    const key = await pass.show(this.#points.k, keysAndValues.key) // [batch, keyHeads, key, headDim]
    const value = await pass.show(this.#points.v, keysAndValues.value) // [batch, keyHeads, key, headDim]
    const attended = await scaledDotProductAttention(
      pass,
      { query, key, value, scale, positionBias, mask, causal },
      this.#points,
    )
    const context = await pass.show(this.#points.context, attended) // [batch, heads, query, headDim]
    const merged = context.transpose(0, 2, 1, 3).reshape([batch, queries, numHeads * headDim])
    return pass.show(this.#points.out, await this.#out.forward(merged, pass))
  }

  /** Keys and values of this call and, through the cache, of those before it; query and new keys turned by their positions. */
  async #keysAndValues(
    query: Float,
    { hiddenStates, keyValueStates, positions, cache }: MultiHeadAttentionInputs,
    pass: Pass,
  ): Promise<{ query: Float; keysAndValues: KeysAndValues }> {
    if (keyValueStates && cache?.held) return { query, keysAndValues: cache.held }
    const source = keyValueStates ?? hiddenStates // [batch, key, dimension]
    const key = splitHeads(await this.#key.forward(source, pass), this.#keyHeads)
    const value = splitHeads(await this.#value.forward(source, pass), this.#keyHeads)
    const { rotary } = this.#options
    const at = positions ?? followingPositions(cache?.length ?? 0, query.shape[2])
    const turned = rotary ? rotary.forward(query, key, at, pass) : { query, key }
    const added = { key: turned.key, value }
    return { query: turned.query, keysAndValues: cache ? cache.append(added, pass.kernels) : added }
  }
}

/** [batch, seq, heads * headDim] -> [batch, heads, seq, headDim], a view. */
function splitHeads(x: Float, heads: number): Float {
  const [batch, seq, width] = x.shape
  return x.reshape([batch, seq, heads, width / heads]).transpose(0, 2, 1, 3)
}

/** [1, count]: start, start + 1, … */
function followingPositions(start: number, count: number): Ids {
  return Tensor.int32(
    Int32Array.from({ length: count }, (_, i) => start + i),
    [1, count],
  )
}
