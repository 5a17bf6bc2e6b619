/**
 * Multi-head attention, once for all models and both uses. Self-attention takes queries, keys and values from the same
 * states; cross-attention takes keys and values from another sequence (a decoder reading the encoder's output). What differs between
 * families (names, biases, scale, positions, shared key heads) is an option; norms and residuals belong to the layer around it.
 */
import { ShapeError } from '../errors.js'
import { Linear, RMSNorm, type NormOptions, type Pass, type WeightScope } from '../layers/index.js'
import type { Float, RotaryTable } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import type { KeysAndValues, KeyValueCache } from './kv-cache.js'
import { scaledDotProductAttention } from './scaled-dot-product.js'

export interface MultiHeadAttentionOptions {
  readonly dimension: number
  readonly numHeads: number
  readonly headDim: number
  /** Fewer key and value heads than query heads: grouped-query attention (https://arxiv.org/abs/2305.13245). */
  readonly numKeyValueHeads?: number
  /** What scores are multiplied with; 1 / sqrt(headDim) in the paper, 1 in T5. */
  readonly scale: number
  /** Biases on all four projections or on none; or, as in Qwen2, on queries, keys and values alone. */
  readonly bias: boolean | 'query-key-value'
  /** The weights' names under the scope. */
  readonly names: AttentionNames
  /** See {@link LinearOptions}. */
  readonly transposed?: boolean
  /** RMSNorm on each head's query and key before they are turned by their position, as in Qwen3 and Gemma 3. */
  readonly queryKeyNorm?: Omit<NormOptions, 'dimension'> & { readonly query: string; readonly key: string }
}

/** A projection each for queries, keys and values, or one matrix with the three below one another, as in GPT-2. */
export type AttentionNames =
  | { readonly query: string; readonly key: string; readonly value: string; readonly out: string }
  | { readonly queryKeyValue: string; readonly out: string }

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
  /** Angles of the queries' positions, by which they and the new keys are turned. [batch or 1, query, headDim / 2] */
  readonly rotary?: RotaryTable
  /** Grows in self-attention; in cross-attention it is filled once and then read. */
  readonly cache?: KeyValueCache
}

export class MultiHeadAttention {
  readonly #options: MultiHeadAttentionOptions
  readonly #keyHeads: number
  readonly #projections: Projections
  readonly #queryNorm: RMSNorm | undefined
  readonly #keyNorm: RMSNorm | undefined
  readonly #out: Linear
  readonly #points

  constructor(name: string, weights: WeightScope, options: MultiHeadAttentionOptions) {
    const { dimension, numHeads, headDim, bias, names, transposed, queryKeyNorm } = options
    const keyHeads = options.numKeyValueHeads ?? numHeads
    this.#options = options
    this.#keyHeads = keyHeads
    const linear = (name: string, outFeatures: number) =>
      new Linear(weights.scope(name), { inFeatures: dimension, outFeatures, bias: bias !== false, transposed })
    this.#projections =
      'query' in names
        ? {
            query: linear(names.query, numHeads * headDim),
            key: linear(names.key, keyHeads * headDim),
            value: linear(names.value, keyHeads * headDim),
          }
        : linear(names.queryKeyValue, (numHeads + 2 * keyHeads) * headDim)
    if (queryKeyNorm) {
      const { query, key, ...norm } = queryKeyNorm
      this.#queryNorm = new RMSNorm(weights.scope(query), { dimension: headDim, ...norm })
      this.#keyNorm = new RMSNorm(weights.scope(key), { dimension: headDim, ...norm })
    }
    const merged = { inFeatures: numHeads * headDim, outFeatures: dimension, bias: bias === true, transposed }
    this.#out = new Linear(weights.scope(names.out), merged)
    this.#points = {
      q: hookPoint(`${name}.q`, ['batch', numHeads, 'query', headDim]),
      k: hookPoint(`${name}.k`, ['batch', keyHeads, 'key', headDim]),
      v: hookPoint(`${name}.v`, ['batch', keyHeads, 'key', headDim]),
      scores: hookPoint(`${name}.scores`, ['batch', numHeads, 'query', 'key'], { scale: options.scale }),
      probs: hookPoint(`${name}.probs`, ['batch', numHeads, 'query', 'key']),
      context: hookPoint(`${name}.context`, ['batch', numHeads, 'query', headDim]),
      headOut: hookPoint(`${name}.head_out`, ['batch', numHeads, 'query', dimension]),
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
    const { scale } = this.#options
    const { positionBias, mask, causal } = inputs
    const heads = await this.#heads(inputs, pass)
    const query = await pass.show(this.#points.q, heads.query) // [batch, heads, query, headDim]
    const key = await pass.show(this.#points.k, heads.key) // [batch, keyHeads, key, headDim]
    const value = await pass.show(this.#points.v, heads.value) // [batch, keyHeads, key, headDim]
    const attended = await scaledDotProductAttention(
      pass,
      { query, key, value, scale, positionBias, mask, causal },
      this.#points,
    )
    const context = await pass.show(this.#points.context, attended) // [batch, heads, query, headDim]
    return pass.show(this.#points.out, await this.#project(context, pass))
  }

  /**
   * The output projection, [batch, heads, query, headDim] -> [batch, query, dimension]. It is the sum over the heads of what it makes of
   * each alone, and its bias; these parts are computed where someone looks at them.
   */
  async #project(context: Float, pass: Pass): Promise<Float> {
    const [batch, heads, queries, headDim] = context.shape
    const width = heads * headDim
    if (!pass.watches(this.#points.headOut)) {
      const beside = pass.kernels.contiguous(context.transpose(0, 2, 1, 3)) // [batch, query, heads, headDim]
      return this.#out.forward(beside.reshape([batch, queries, width]), pass)
    }
    const { kernels } = pass
    const own = Tensor.float32(
      Array.from({ length: heads * heads }, (_, i) => (i % (heads + 1) === 0 ? 1 : 0)),
      [heads, heads, 1, 1],
    )
    const apart = kernels.multiply(own, context.reshape([batch, 1, heads, queries, headDim])) // [batch, heads, heads, query, headDim]
    const beside = kernels.contiguous(apart.transpose(0, 1, 3, 2, 4)) // [batch, heads, query, heads, headDim]
    const alone = beside.reshape([batch, heads, queries, width]) // zeros for the other heads
    const bias = await this.#out.forward(Tensor.zeros('float32', [1, width]), pass) // [1, dimension]
    const parts = kernels.add(await this.#out.forward(alone, pass), kernels.scale(bias, -1))
    const headOut = await pass.show(this.#points.headOut, parts) // [batch, heads, query, dimension]
    let sum = headOut.select(1, 0) // [batch, query, dimension]
    for (let head = 1; head < heads; head++) sum = kernels.add(sum, headOut.select(1, head))
    return kernels.add(sum, bias)
  }

  /** Queries of this call; keys and values of this call and, through the cache, of those before it. */
  async #heads(
    { hiddenStates, keyValueStates, rotary, cache }: MultiHeadAttentionInputs,
    pass: Pass,
  ): Promise<KeysAndValues & { readonly query: Float }> {
    const { numHeads } = this.#options
    const keyHeads = this.#keyHeads
    const projections = this.#projections
    let query: Float // [batch, heads, query, headDim]
    let key: Float // [batch, keyHeads, key, headDim]
    let value: Float // [batch, keyHeads, key, headDim]
    if (projections instanceof Linear) {
      const all = splitHeads(await projections.forward(hiddenStates, pass), numHeads + 2 * keyHeads)
      query = all.slice(1, 0, numHeads)
      key = all.slice(1, numHeads, numHeads + keyHeads)
      value = all.slice(1, numHeads + keyHeads)
    } else {
      const source = keyValueStates ?? hiddenStates // [batch, key, dimension]
      query = splitHeads(await projections.query.forward(hiddenStates, pass), numHeads)
      if (keyValueStates && cache?.held) return { query, ...cache.held }
      key = splitHeads(await projections.key.forward(source, pass), keyHeads)
      value = splitHeads(await projections.value.forward(source, pass), keyHeads)
    }
    if (this.#queryNorm) query = this.#queryNorm.forward(query, pass)
    if (this.#keyNorm) key = this.#keyNorm.forward(key, pass)
    if (rotary) [query, key] = [pass.kernels.rotate(query, rotary), pass.kernels.rotate(key, rotary)]
    return { query, ...(cache ? cache.append({ key, value }, pass.kernels) : { key, value }) }
  }
}

type Projections = Linear | { readonly query: Linear; readonly key: Linear; readonly value: Linear }

/** [batch, seq, heads * headDim] -> [batch, heads, seq, headDim], a view. */
function splitHeads(x: Float, heads: number): Float {
  const [batch, seq, width] = x.shape
  return x.reshape([batch, seq, heads, width / heads]).transpose(0, 2, 1, 3)
}
