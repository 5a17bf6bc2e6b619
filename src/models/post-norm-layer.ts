/**
 * The layer of the first transformer, which BERT and its relatives, and BART, still have: attention, then feed-forward, each
 * added to what came in and normed after the sum. A decoder's layer has a second attention between the two, which reads the
 * encoder's output. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.1.
 */
import { MultiHeadAttention, type KeyValueCache } from '../attention/index.js'
import { FeedForward, LayerNorm, type Pass, type WeightScope } from '../layers/index.js'
import type { Activation, Float } from '../tensor/ops/index.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'

/** Names of an attention's four projections and of the norm after it, under the layer's scope. */
export interface AttentionWeights {
  readonly query: string
  readonly key: string
  readonly value: string
  readonly out: string
  readonly norm: string
}

export interface PostNormLayerOptions {
  readonly dimension: number
  readonly numHeads: number
  readonly hiddenDimension: number
  readonly activation: Activation
  readonly epsilon: number
  /** The weights' names under the scope. */
  readonly names: {
    readonly selfAttention: AttentionWeights
    /** Only a decoder has one, which also means that its self-attention is causal. */
    readonly crossAttention?: AttentionWeights
    readonly feedForward: { readonly up: string; readonly down: string; readonly norm: string }
  }
}

export interface PostNormLayerInputs {
  /** Padding of this sequence, broadcasts to [batch, heads, query, key] */
  readonly mask?: Float
  /** Broadcasts to [batch, heads, query, key] */
  readonly positionBias?: Float
  /** What a decoder looks at, [batch, source, dimension] */
  readonly encoderStates?: Float
  /** [batch, 1, 1, source] */
  readonly encoderMask?: Float
  readonly cache?: { readonly self: KeyValueCache; readonly cross: KeyValueCache }
}

/** A block, the norm after its sum with what came in, and where that passes. */
interface NormedAttention {
  readonly attention: MultiHeadAttention
  readonly norm: LayerNorm
  readonly point: HookPoint
}

export class PostNormLayer {
  readonly #self: NormedAttention
  readonly #cross: NormedAttention | undefined
  readonly #feedForward: FeedForward
  readonly #outputNorm: LayerNorm
  /** The layer's output. */
  readonly out: HookPoint

  constructor(name: string, weights: WeightScope, options: PostNormLayerOptions) {
    const { dimension, numHeads, hiddenDimension, activation, epsilon, names } = options
    const headDim = dimension / numHeads
    const shape = ['batch', 'query', dimension] as const
    const attention = (block: string, point: string, { norm, ...names }: AttentionWeights): NormedAttention => ({
      attention: new MultiHeadAttention(`${name}.${block}`, weights, {
        dimension,
        numHeads,
        headDim,
        scale: 1 / Math.sqrt(headDim),
        bias: true,
        names,
      }),
      norm: new LayerNorm(weights.scope(norm), { dimension, epsilon }),
      point: hookPoint(`${name}.${point}`, shape),
    })
    this.#self = attention('self_attention', 'attention_norm', names.selfAttention)
    this.#cross = names.crossAttention && attention('cross_attention', 'cross_attention_norm', names.crossAttention)
    this.#feedForward = new FeedForward(`${name}.feed_forward`, weights, {
      dimension,
      hiddenDimension,
      activation,
      bias: true,
      names: names.feedForward,
    })
    this.#outputNorm = new LayerNorm(weights.scope(names.feedForward.norm), { dimension, epsilon })
    this.out = hookPoint(`${name}.out`, shape)
  }

  hookPoints(): HookPoint[] {
    const attentions = this.#cross ? [this.#self, this.#cross] : [this.#self]
    const points = attentions.flatMap(({ attention, point }) => [...attention.hookPoints(), point])
    return [...points, ...this.#feedForward.hookPoints(), this.out]
  }

  /** [batch, query, dimension] -> [batch, query, dimension] */
  async forward(x: Float, inputs: PostNormLayerInputs, pass: Pass): Promise<Float> {
    const { kernels } = pass
    const { mask, positionBias, encoderStates, encoderMask, cache } = inputs
    const { attention, norm, point } = this.#self
    const causal = this.#cross !== undefined
    const attended = await attention.forward({ hiddenStates: x, mask, positionBias, causal, cache: cache?.self }, pass)
    let states = await pass.show(point, norm.forward(kernels.add(attended, x), pass)) // [batch, query, dimension]
    if (this.#cross) {
      const { attention, norm, point } = this.#cross
      const seen = { keyValueStates: encoderStates, mask: encoderMask, cache: cache?.cross }
      const attended = await attention.forward({ hiddenStates: states, ...seen }, pass) // [batch, query, dimension]
      states = await pass.show(point, norm.forward(kernels.add(attended, states), pass))
    }
    const fed = await this.#feedForward.forward(states, pass) // [batch, query, dimension]
    return pass.show(this.out, this.#outputNorm.forward(kernels.add(fed, states), pass))
  }
}
