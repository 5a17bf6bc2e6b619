/**
 * T5: an encoder that reads a text and a decoder that writes one, looking back at the encoder through cross-attention. Pre-norm layers
 * with RMSNorm, no biases, attention without scale, a learned bias for each distance in place of positions. v1.0 feeds
 * forward with ReLU and ties the embedding to the output; v1.1 and FLAN gate with GELU and do not tie.
 * Raffel et al. 2020, https://arxiv.org/abs/1910.10683; v1.1: https://arxiv.org/abs/2002.05202.
 *
 *   const model = await T5ForConditionalGeneration.fromPretrained('./flan-t5-small')
 *   const { sequences } = await model.generate({ inputIds: [tokenizer.encode('translate English to German: Hello').ids] })
 */
import { DecoderCache, paddingMask } from '../attention/index.js'
import { InputError } from '../errors.js'
import type { FolderLike } from '../files/folder.js'
import type { GenerationConfig } from '../generation/index.js'
import { Embedding, Linear, type Pass, type Weights } from '../layers/index.js'
import { crossEntropy, type Float, type Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import { Seq2SeqModel, type DecodeStepOptions, type Encoded, type TextInputs } from './generative.js'
import { toIds, toMask, type IdsLike } from './inputs.js'
import { loadModel, Model, type FromPretrainedOptions, type Run, type RunOptions } from './model.js'
import { t5Config, type T5Config } from './t5-config.js'
import { T5Stack } from './t5-stack.js'

export interface T5EncoderOutput {
  /** [batch, seq, dModel] */
  readonly lastHiddenState: Float
  /** The states before each layer and after the last norm; with outputHiddenStates. */
  readonly hiddenStates: readonly Float[] | undefined
  /** [batch, heads, query, key] of every layer; with outputAttentions. */
  readonly attentions: readonly Float[] | undefined
}

/** An encoder's output with its mask: what a decoder reads. */
export interface T5Encoded extends T5EncoderOutput, Encoded {}

export interface T5Inputs extends TextInputs {
  /** [batch, target]; by default the labels shifted right. */
  readonly decoderInputIds?: IdsLike
  readonly decoderAttentionMask?: IdsLike
  /** Target ids, -100 where none counts; gives `loss`. [batch, target] */
  readonly labels?: IdsLike
}

export interface T5Output {
  /** [batch, target, vocabulary] */
  readonly logits: Float
  /** Mean cross entropy in nats; with labels. */
  readonly loss: number | undefined
  readonly encoderLastHiddenState: Float
  readonly encoderHiddenStates: readonly Float[] | undefined
  readonly encoderAttentions: readonly Float[] | undefined
  readonly decoderHiddenStates: readonly Float[] | undefined
  readonly decoderAttentions: readonly Float[] | undefined
  /** Where each written token looks in the text that was read, [batch, heads, target, source]. */
  readonly crossAttentions: readonly Float[] | undefined
}

/** The names under which a checkpoint may repeat the embedding, and a leftover of the first release. */
const REPEATED = [/^(encoder|decoder)\.embed_tokens\.weight$/, /EncDecAttention\.relative_attention_bias\.weight$/]

/** What both classes share: the embedding and the encoder. */
class T5Encoder {
  readonly embedding: Embedding
  readonly stack: T5Stack

  constructor(config: T5Config, weights: Weights, tied: boolean) {
    this.embedding = new Embedding(weights.scope('shared'), { rows: config.vocabSize, dimension: config.dModel, tied })
    this.stack = new T5Stack('encoder', weights.scope('encoder'), config)
    weights.ignore(...REPEATED)
  }

  async encode(inputs: TextInputs, options: RunOptions, run: Run): Promise<T5Encoded> {
    const inputIds = toIds('inputIds', inputs.inputIds) // [batch, seq]
    const mask = paddingMask(toMask('attentionMask', inputs.attentionMask, inputIds)) // [batch, 1, 1, seq]
    const states = options.outputHiddenStates ? this.stack.statePoints() : undefined
    const probs = options.outputAttentions ? this.stack.probPoints('self_attention') : undefined
    const { result, take } = await run(options, [states, probs], async (pass, keep) => {
      const embeddings = this.embedding.forward(inputIds, pass) // [batch, seq, dModel]
      return keep(await this.stack.forward({ embeddings, mask }, pass))
    })
    return { lastHiddenState: result, mask, inputIds, hiddenStates: take(states), attentions: take(probs) }
  }
}

/** The encoder alone. */
export class T5EncoderModel extends Model {
  readonly config: T5Config
  readonly #encoder: T5Encoder

  constructor(config: T5Config, weights: Weights) {
    super(weights)
    this.config = config
    this.#encoder = new T5Encoder(config, weights, false)
    weights.ignore(/^decoder\./, /^lm_head\./)
  }

  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<T5EncoderModel> {
    return loadModel(location, (json, weights) => new T5EncoderModel(t5Config(json), weights), options)
  }

  hookPoints(): readonly HookPoint[] {
    return this.#encoder.stack.hookPoints()
  }

  forward(inputs: TextInputs, options: RunOptions = {}): Promise<T5EncoderOutput> {
    return this.#encoder.encode(inputs, options, (...pass) => this.run(...pass))
  }
}

export class T5ForConditionalGeneration extends Seq2SeqModel<T5Encoded> {
  readonly config: T5Config
  readonly generationConfig: GenerationConfig
  readonly #encoder: T5Encoder
  readonly #decoder: T5Stack
  /** Untied models have a head of their own; tied ones multiply with the embedding. */
  readonly #head: Linear | undefined
  readonly #logits: HookPoint

  constructor(config: T5Config, weights: Weights, generationConfig: GenerationConfig) {
    const { vocabSize, dModel, tieWordEmbeddings } = config
    super(weights)
    this.config = config
    this.generationConfig = generationConfig
    this.#encoder = new T5Encoder(config, weights, tieWordEmbeddings)
    this.#decoder = new T5Stack('decoder', weights.scope('decoder'), config)
    this.#head = tieWordEmbeddings
      ? undefined
      : new Linear(weights.scope('lm_head'), { inFeatures: dModel, outFeatures: vocabSize, bias: false })
    this.#logits = hookPoint('logits', ['batch', 'query', vocabSize])
    if (tieWordEmbeddings) weights.ignore(/^lm_head\.weight$/)
  }

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<T5ForConditionalGeneration> {
    return loadModel(
      location,
      (json, weights, generation) => new T5ForConditionalGeneration(t5Config(json), weights, generation),
      options,
    )
  }

  hookPoints(): readonly HookPoint[] {
    return [...this.#encoder.stack.hookPoints(), ...this.#decoder.hookPoints(), this.#logits]
  }

  override encode(inputs: TextInputs, options: RunOptions = {}): Promise<T5Encoded> {
    return this.#encoder.encode(inputs, options, (...pass) => this.run(...pass))
  }

  override startCache(capacity?: number): DecoderCache {
    return new DecoderCache(this.backend, { numLayers: this.config.numDecoderLayers, capacity })
  }

  override async decode(encoded: Encoded, decoderInputIds: IdsLike, options: DecodeStepOptions = {}): Promise<Float> {
    const ids = toIds('decoderInputIds', decoderInputIds)
    const { result } = await this.run(options, [], async (pass, keep) =>
      keep(await this.#decode(encoded, ids, options, pass)),
    )
    return result
  }

  /** One pass over source and target, as in training or scoring. */
  async forward(inputs: T5Inputs, options: RunOptions = {}): Promise<T5Output> {
    const labels = inputs.labels && toIds('labels', inputs.labels) // [batch, target]
    const given = inputs.decoderInputIds && toIds('decoderInputIds', inputs.decoderInputIds)
    const decoderInputIds = given ?? (labels && this.#shiftRight(labels))
    if (!decoderInputIds) throw new InputError('missing-input', 'T5: forward needs decoderInputIds or labels')

    const encoded = await this.encode(inputs, options)
    const mask =
      inputs.decoderAttentionMask && toMask('decoderAttentionMask', inputs.decoderAttentionMask, decoderInputIds)
    const states = options.outputHiddenStates ? this.#decoder.statePoints() : undefined
    const self = options.outputAttentions ? this.#decoder.probPoints('self_attention') : undefined
    const cross = options.outputAttentions ? this.#decoder.probPoints('cross_attention') : undefined
    const decoderMask = mask && paddingMask(mask) // [batch, 1, 1, target]
    const { result: logits, take } = await this.run(options, [states, self, cross], async (pass, keep) =>
      keep(await this.#decode(encoded, decoderInputIds, { mask: decoderMask }, pass)),
    )
    return {
      logits,
      loss: labels && crossEntropy(logits, labels),
      encoderLastHiddenState: encoded.lastHiddenState,
      encoderHiddenStates: encoded.hiddenStates,
      encoderAttentions: encoded.attentions,
      decoderHiddenStates: take(states),
      decoderAttentions: take(self),
      crossAttentions: take(cross),
    }
  }

  /** -> [batch, target, vocabulary] */
  async #decode(
    encoded: Encoded,
    ids: Ids,
    { cache, mask }: { readonly cache?: DecoderCache; readonly mask?: Float },
    pass: Pass,
  ): Promise<Float> {
    const embeddings = this.#encoder.embedding.forward(ids, pass) // [batch, target, dModel]
    const { lastHiddenState: encoderStates, mask: encoderMask } = encoded
    const hiddenStates = await this.#decoder.forward({ embeddings, mask, encoderStates, encoderMask, cache }, pass) // [batch, target, dModel]
    const logits = this.#head
      ? await this.#head.forward(hiddenStates, pass)
      : await this.#encoder.embedding.project(pass.kernels.scale(hiddenStates, this.config.dModel ** -0.5), pass)
    return pass.show(this.#logits, logits)
  }

  /** The decoder reads what it should have written, one place to the right: start token, label 0, label 1, … */
  #shiftRight(labels: Ids): Ids {
    const [batch, target] = labels.shape
    const { decoderStartTokenId, padTokenId } = this.generationConfig
    const source = labels.toArray().map((id) => (id === -100 ? padTokenId : id))
    const shifted = source.map((_, at) => (at % target === 0 ? decoderStartTokenId : source[at - 1]))
    return Tensor.int32(shifted, [batch, target])
  }
}

export type { T5Config }
