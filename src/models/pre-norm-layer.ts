/**
 * The layer of decoder-only models: attention and feed-forward each read a normed copy of the residual stream and add their result to
 * it, so that the stream itself runs from the embedding to the head without a norm (Radford et al. 2019, "Language Models are
 * Unsupervised Multitask Learners", section 2.3). GPT-2 norms with LayerNorm, Llama and Qwen with RMSNorm.
 */
import { MultiHeadAttention, type KeyValueCache, type MultiHeadAttentionOptions } from '../attention/index.js'
import type { LayerNorm, RMSNorm } from '../layers/index.js'
import { FeedForward, type FeedForwardOptions, type Pass, type WeightScope } from '../layers/index.js'
import type { Float, RotaryTable } from '../tensor/ops/index.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'

export interface PreNormLayerOptions {
  readonly norm: typeof LayerNorm | typeof RMSNorm
  readonly epsilon: number
  readonly attention: MultiHeadAttentionOptions
  readonly feedForward: FeedForwardOptions
  /** Scopes of the weights under the layer's. */
  readonly names: {
    readonly attention: string
    readonly attentionNorm: string
    readonly feedForward: string
    readonly feedForwardNorm: string
  }
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
  readonly #points
  /** The residual stream before the layer. */
  readonly input: HookPoint
  /** The residual stream after the layer. */
  readonly output: HookPoint

  constructor(name: string, weights: WeightScope, { norm: Norm, epsilon, names, ...options }: PreNormLayerOptions) {
    const { dimension } = options.attention
    this.#attentionNorm = new Norm(weights.scope(names.attentionNorm), { dimension, epsilon })
    this.#attention = new MultiHeadAttention(
      `${name}.self_attention`,
      weights.scope(names.attention),
      options.attention,
    )
    this.#feedForwardNorm = new Norm(weights.scope(names.feedForwardNorm), { dimension, epsilon })
    this.#feedForward = new FeedForward(`${name}.feed_forward`, weights.scope(names.feedForward), options.feedForward)
    const residual = ['batch', 'query', dimension] as const
    this.input = hookPoint(`${name}.resid_pre`, residual)
    this.#points = {
      attentionNorm: hookPoint(`${name}.self_attention.norm`, residual),
      middle: hookPoint(`${name}.resid_mid`, residual),
      feedForwardNorm: hookPoint(`${name}.feed_forward.norm`, residual),
    }
    this.output = hookPoint(`${name}.resid_post`, residual)
  }

  hookPoints(): HookPoint[] {
    const { attentionNorm, middle, feedForwardNorm } = this.#points
    const attention = [attentionNorm, ...this.#attention.hookPoints(), middle]
    return [this.input, ...attention, feedForwardNorm, ...this.#feedForward.hookPoints(), this.output]
  }

  /** [batch, query, dimension] -> [batch, query, dimension] */
  async forward(x: Float, inputs: PreNormLayerInputs, pass: Pass): Promise<Float> {
    const { attentionNorm, middle, feedForwardNorm } = this.#points
    let stream = await pass.show(this.input, x) // [batch, query, dimension]
    const hiddenStates = await pass.show(attentionNorm, this.#attentionNorm.forward(stream, pass))
    const attended = await this.#attention.forward({ hiddenStates, causal: true, ...inputs }, pass)
    stream = await pass.show(middle, pass.kernels.add(stream, attended))
    const normed = await pass.show(feedForwardNorm, this.#feedForwardNorm.forward(stream, pass))
    const fed = await this.#feedForward.forward(normed, pass)
    return pass.show(this.output, pass.kernels.add(stream, fed))
  }
}
