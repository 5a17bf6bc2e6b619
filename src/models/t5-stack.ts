/**
 * The stack of layers that T5's encoder and decoder both are. A layer is self-attention, in a decoder cross-attention, and feed-forward;
 * each reads a normed copy of the residual stream and adds its result to it.
 */
import { MultiHeadAttention, RelativePositionBias, type LayerCache } from '../attention/index.js'
import { FeedForward, RMSNorm, type Embedding, type Pass, type WeightScope } from '../layers/index.js'
import type { Float } from '../tensor/ops/index.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import type { Seq2SeqStack, Seq2SeqStackInputs } from './seq2seq-lm.js'
import type { T5Config } from './t5-config.js'

/** A norm, a block that reads its output, and the sum with what came in. */
interface Sublayer {
  readonly normPoint: HookPoint
  readonly norm: RMSNorm
  readonly out: HookPoint
}

class T5Layer {
  readonly #selfAttention: MultiHeadAttention
  readonly #crossAttention: MultiHeadAttention | undefined
  readonly #feedForward: FeedForward
  readonly #self: Sublayer
  readonly #cross: Sublayer
  readonly #feed: Sublayer
  readonly isDecoder: boolean
  /** The residual stream before the layer. */
  readonly input: HookPoint
  /** The residual stream after the layer. */
  readonly output: HookPoint

  constructor(name: string, weights: WeightScope, config: T5Config, isDecoder: boolean) {
    const { dModel, dKv, dFf, numHeads, activation, isGatedAct } = config
    const heads = {
      dimension: dModel,
      numHeads,
      headDim: dKv,
      scale: 1, // the scale is folded into the initial weights
      bias: false,
      names: { query: 'q', key: 'k', value: 'v', out: 'o' },
    }
    const residual = ['batch', 'query', dModel] as const
    const sublayer = (index: number, block: string, after: string): Sublayer => ({
      normPoint: hookPoint(`${name}.${block}.norm`, residual),
      norm: new RMSNorm(weights.scope(`layer.${index}.layer_norm`), {
        dimension: dModel,
        epsilon: config.layerNormEpsilon,
      }),
      out: hookPoint(`${name}.${after}`, residual),
    })
    const last = isDecoder ? 2 : 1
    this.isDecoder = isDecoder
    this.input = hookPoint(`${name}.resid_pre`, residual)
    this.#self = sublayer(0, 'self_attention', 'resid_mid')
    this.#selfAttention = new MultiHeadAttention(
      `${name}.self_attention`,
      weights.scope('layer.0.SelfAttention'),
      heads,
    )
    this.#crossAttention = isDecoder
      ? new MultiHeadAttention(`${name}.cross_attention`, weights.scope('layer.1.EncDecAttention'), heads)
      : undefined
    this.#cross = isDecoder ? sublayer(1, 'cross_attention', 'resid_cross') : this.#self
    this.#feed = sublayer(last, 'feed_forward', 'resid_post')
    this.output = this.#feed.out
    this.#feedForward = new FeedForward(`${name}.feed_forward`, weights.scope(`layer.${last}.DenseReluDense`), {
      dimension: dModel,
      hiddenDimension: dFf,
      activation,
      bias: false,
      names: isGatedAct ? { gate: 'wi_0', up: 'wi_1', down: 'wo' } : { up: 'wi', down: 'wo' },
    })
  }

  hookPoints(): HookPoint[] {
    const cross = this.#crossAttention
    return [
      this.input,
      this.#self.normPoint,
      ...this.#selfAttention.hookPoints(),
      this.#self.out,
      ...(cross ? [this.#cross.normPoint, ...cross.hookPoints(), this.#cross.out] : []),
      this.#feed.normPoint,
      ...this.#feedForward.hookPoints(),
      this.#feed.out,
    ]
  }

  async forward(
    x: Float,
    { mask, encoderStates, encoderMask }: Omit<Seq2SeqStackInputs, 'ids'>,
    positionBias: Float,
    cache: LayerCache | undefined,
    pass: Pass,
  ): Promise<Float> {
    let stream = await pass.show(this.input, x) // [batch, query, dModel]
    stream = await this.#add(this.#self, stream, pass, (hiddenStates) =>
      this.#selfAttention.forward(
        { hiddenStates, positionBias, mask, causal: this.isDecoder, cache: cache?.self },
        pass,
      ),
    )
    const cross = this.#crossAttention
    if (cross) {
      stream = await this.#add(this.#cross, stream, pass, (hiddenStates) =>
        cross.forward({ hiddenStates, keyValueStates: encoderStates, mask: encoderMask, cache: cache?.cross }, pass),
      )
    }
    return this.#add(this.#feed, stream, pass, (hiddenStates) => this.#feedForward.forward(hiddenStates, pass))
  }

  async #add(part: Sublayer, stream: Float, pass: Pass, block: (normed: Float) => Promise<Float>): Promise<Float> {
    const normed = await pass.show(part.normPoint, part.norm.forward(stream, pass)) // [batch, query, dModel]
    return pass.show(part.out, pass.kernels.add(stream, await block(normed)))
  }
}

export class T5Stack implements Seq2SeqStack {
  readonly #embedding: Embedding
  readonly #layers: readonly T5Layer[]
  readonly #positionBias: RelativePositionBias
  readonly #embeddingPoint: HookPoint
  readonly #biasPoint: HookPoint
  readonly #finalPoint: HookPoint
  readonly finalNorm: RMSNorm

  /** @param embedding of the tokens, which both stacks share */
  constructor(name: 'encoder' | 'decoder', weights: WeightScope, config: T5Config, embedding: Embedding) {
    const isDecoder = name === 'decoder'
    const { numHeads, dModel } = config
    this.#embedding = embedding
    this.#layers = Array.from(
      { length: isDecoder ? config.numDecoderLayers : config.numLayers },
      (_, i) => new T5Layer(`${name}.${i}`, weights.scope(`block.${i}`), config, isDecoder),
    )
    this.#positionBias = new RelativePositionBias(
      weights.scope('block.0.layer.0.SelfAttention.relative_attention_bias'),
      {
        numHeads,
        numBuckets: config.relativeAttentionNumBuckets,
        maxDistance: config.relativeAttentionMaxDistance,
        bidirectional: !isDecoder,
      },
    )
    this.finalNorm = new RMSNorm(weights.scope('final_layer_norm'), {
      dimension: dModel,
      epsilon: config.layerNormEpsilon,
    })
    this.#embeddingPoint = hookPoint(`${name}.embeddings.out`, ['batch', 'query', dModel])
    this.#biasPoint = hookPoint(`${name}.position_bias`, [1, numHeads, 'query', 'key'])
    this.#finalPoint = hookPoint(`${name}.final_norm`, ['batch', 'query', dModel])
  }

  hookPoints(): HookPoint[] {
    const layers = this.#layers.flatMap((layer) => layer.hookPoints())
    return [this.#embeddingPoint, this.#biasPoint, ...layers, this.#finalPoint]
  }

  get numLayers(): number {
    return this.#layers.length
  }

  /** Where the states between the layers pass: before each, and after the last norm. */
  statePoints(): HookPoint[] {
    return [...this.#layers.map(({ input }) => input), this.#finalPoint]
  }

  /** The residual stream: before each layer, and after the last. */
  streamPoints(): HookPoint[] {
    return [...this.#layers.map(({ input }) => input), this.#layers.at(-1)!.output]
  }

  /** Where the attention probabilities of each layer pass. */
  probPoints(kind: 'self_attention' | 'cross_attention'): HookPoint[] {
    return this.hookPoints().filter(({ name }) => name.endsWith(`${kind}.probs`))
  }

  /** -> [batch, query, dModel] */
  async forward({ ids, ...inputs }: Seq2SeqStackInputs, pass: Pass): Promise<Float> {
    const queries = ids.shape[1]
    const keys = queries + (inputs.cache?.length ?? 0)
    const bias = await pass.show(this.#biasPoint, this.#positionBias.forward(queries, keys, pass)) // [1, heads, query, key]
    let stream = await pass.show(this.#embeddingPoint, this.#embedding.forward(ids, pass)) // [batch, query, dModel]
    for (const [index, layer] of this.#layers.entries()) {
      const cache = inputs.cache?.layers[index]
      stream = await pass.layer(stream, (x, pass) => layer.forward(x, inputs, bias, cache, pass))
    }
    return pass.show(this.#finalPoint, this.finalNorm.forward(stream, pass))
  }
}
