/**
 * The layer of decoder-only models: attention and feed-forward each read a normed copy of the residual stream and add their result to
 * it, so that the stream itself runs from the embedding to the head without a norm (Radford et al. 2019, "Language Models are
 * Unsupervised Multitask Learners", section 2.3). GPT-2 norms with LayerNorm, Llama and Qwen with RMSNorm. Gemma 3 also norms what is added.
 */
import {
  MultiHeadAttention,
  type KeyValueCache,
  type MultiHeadAttentionOptions,
  type RotaryEmbedding,
} from '../attention/index.js'
import type { LayerNorm, RMSNorm } from '../layers/index.js'
import { FeedForward, type FeedForwardOptions, type Pass, type WeightScope } from '../layers/index.js'
import type { Float, RotaryTable } from '../tensor/ops/index.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'

export interface PreNormLayerOptions {
  readonly norm: typeof LayerNorm | typeof RMSNorm
  readonly epsilon: number
  /** See {@link NormOptions}. */
  readonly gainOffset?: number
  readonly attention: MultiHeadAttentionOptions
  readonly feedForward: FeedForwardOptions
  /** Scopes of the weights under the layer's. */
  readonly names: {
    readonly attention: string
    readonly attentionNorm: string
    readonly feedForward: string
    readonly feedForwardNorm: string
    /** Norms of what the attention and the feed-forward block add. */
    readonly attentionOutNorm?: string
    readonly feedForwardOutNorm?: string
  }
  /** Positions of this layer alone, in place of the decoder's. */
  readonly rotary?: RotaryEmbedding
  /** A query sees so many keys, itself included, and all before it where this is left out. */
  readonly window?: number
}

export interface PreNormLayerInputs {
  /** Padding, broadcasts to [batch, heads, query, key] */
  readonly mask?: Float
  /** Angles of the positions, [batch or 1, query, headDim / 2] */
  readonly rotary?: RotaryTable
  readonly cache?: KeyValueCache
}

export class PreNormLayer {
  readonly #attentionNorm: LayerNorm | RMSNorm
  readonly #attention: MultiHeadAttention
  readonly #feedForwardNorm: LayerNorm | RMSNorm
  readonly #feedForward: FeedForward
  readonly #attentionOutNorm: LayerNorm | RMSNorm | undefined
  readonly #feedForwardOutNorm: LayerNorm | RMSNorm | undefined
  readonly #points
  /** The residual stream before the layer. */
  readonly input: HookPoint
  /** The residual stream after the layer. */
  readonly output: HookPoint

  constructor(name: string, weights: WeightScope, options: PreNormLayerOptions) {
    const { norm: Norm, epsilon, gainOffset, names } = options
    const { dimension } = options.attention
    const norm = (name: string) => new Norm(weights.scope(name), { dimension, epsilon, gainOffset })
    this.#attentionNorm = norm(names.attentionNorm)
    this.#attention = new MultiHeadAttention(
      `${name}.self_attention`,
      weights.scope(names.attention),
      options.attention,
    )
    this.#feedForwardNorm = norm(names.feedForwardNorm)
    this.#feedForward = new FeedForward(`${name}.feed_forward`, weights.scope(names.feedForward), options.feedForward)
    this.#attentionOutNorm = names.attentionOutNorm === undefined ? undefined : norm(names.attentionOutNorm)
    this.#feedForwardOutNorm = names.feedForwardOutNorm === undefined ? undefined : norm(names.feedForwardOutNorm)
    const residual = ['batch', 'query', dimension] as const
    this.input = hookPoint(`${name}.resid_pre`, residual)
    this.#points = {
      attentionNorm: hookPoint(`${name}.self_attention.norm`, residual),
      attentionOutNorm: hookPoint(`${name}.self_attention.out_norm`, residual),
      middle: hookPoint(`${name}.resid_mid`, residual),
      feedForwardNorm: hookPoint(`${name}.feed_forward.norm`, residual),
      feedForwardOutNorm: hookPoint(`${name}.feed_forward.out_norm`, residual),
    }
    this.output = hookPoint(`${name}.resid_post`, residual)
  }

  hookPoints(): HookPoint[] {
    const { attentionNorm, attentionOutNorm, middle, feedForwardNorm, feedForwardOutNorm } = this.#points
    const attention = [attentionNorm, ...this.#attention.hookPoints()]
    if (this.#attentionOutNorm) attention.push(attentionOutNorm)
    const feedForward = [feedForwardNorm, ...this.#feedForward.hookPoints()]
    if (this.#feedForwardOutNorm) feedForward.push(feedForwardOutNorm)
    return [this.input, ...attention, middle, ...feedForward, this.output]
  }

  /** [batch, query, dimension] -> [batch, query, dimension] */
  async forward(x: Float, inputs: PreNormLayerInputs, pass: Pass): Promise<Float> {
    const { attentionNorm, attentionOutNorm, middle, feedForwardNorm, feedForwardOutNorm } = this.#points
    let stream = await pass.show(this.input, x) // [batch, query, dimension]
    const hiddenStates = await pass.show(attentionNorm, this.#attentionNorm.forward(stream, pass))
    let attended = await this.#attention.forward({ hiddenStates, causal: true, ...inputs }, pass)
    if (this.#attentionOutNorm) {
      attended = await pass.show(attentionOutNorm, this.#attentionOutNorm.forward(attended, pass))
    }
    stream = await pass.show(middle, pass.kernels.add(stream, attended))
    const normed = await pass.show(feedForwardNorm, this.#feedForwardNorm.forward(stream, pass))
    let fed = await this.#feedForward.forward(normed, pass)
    if (this.#feedForwardOutNorm) fed = await pass.show(feedForwardOutNorm, this.#feedForwardOutNorm.forward(fed, pass))
    return pass.show(this.output, pass.kernels.add(stream, fed))
  }
}
