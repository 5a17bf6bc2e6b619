/**
 * T5: an encoder that reads a text and a decoder that writes one, looking back at the encoder through cross-attention. Pre-norm layers
 * with RMSNorm, no biases, attention without scale, a learned bias for each distance in place of positions. v1.0 feeds
 * forward with ReLU and ties the embedding to the output; v1.1 and FLAN gate with GELU and do not tie.
 * Raffel et al. 2020, https://arxiv.org/abs/1910.10683; v1.1: https://arxiv.org/abs/2002.05202.
 *
 *   const model = await T5ForConditionalGeneration.fromPretrained('./flan-t5-small')
 *   const { sequences } = await model.generate({ inputIds: [tokenizer.encode('translate English to German: Hello').ids] })
 */
import { paddingMask } from '../attention/index.js'
import { InputError } from '../errors.js'
import type { FolderLike } from '../files/folder.js'
import {
  collect,
  greedySearch,
  type GenerateOptions,
  type GenerateOutput,
  type GenerationConfig,
  type GenerationStep,
} from '../generation/index.js'
import { Embedding, Linear, type Weights } from '../layers/index.js'
import { crossEntropy, type Float, type Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { hookPoint, type Glass, type HookPoint } from '../trace/glass.js'
import { toIds, toMask, type IdsLike } from './inputs.js'
import { loadModel, RunGlass, type FromPretrainedOptions, type Model, type RunOptions } from './model.js'
import { t5Config, type T5Config } from './t5-config.js'
import { T5Stack, type T5Cache } from './t5-stack.js'

export interface T5EncoderInputs {
  /** [batch, seq] */
  readonly inputIds: IdsLike
  /** 1 for tokens, 0 for padding; all 1 when left out. [batch, seq] */
  readonly attentionMask?: IdsLike
}

export interface T5EncoderOutput {
  /** [batch, seq, dModel] */
  readonly lastHiddenState: Float
  /** The states before each layer and after the last norm; with outputHiddenStates. */
  readonly hiddenStates: readonly Float[] | undefined
  /** [batch, heads, query, key] of every layer; with outputAttentions. */
  readonly attentions: readonly Float[] | undefined
}

/** An encoder's output with its mask: what a decoder reads. */
export interface T5Encoded extends T5EncoderOutput {
  /** 0, or the lowest float32 at padding; [batch, 1, 1, seq] */
  readonly mask: Float
}

export interface T5Inputs extends T5EncoderInputs {
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

export interface T5GenerateOptions extends GenerateOptions, Pick<RunOptions, 'hooks' | 'signal'> {}

/** The names under which a checkpoint may repeat the embedding, and a leftover of the first release. */
const REPEATED = [/^(encoder|decoder)\.embed_tokens\.weight$/, /EncDecAttention\.relative_attention_bias\.weight$/]

async function encode(
  model: Model,
  stack: T5Stack,
  embedding: Embedding,
  inputs: T5EncoderInputs,
  options: RunOptions,
): Promise<T5Encoded> {
  const inputIds = toIds('inputIds', inputs.inputIds) // [batch, seq]
  const mask = paddingMask(toMask('attentionMask', inputs.attentionMask, inputIds)) // [batch, 1, 1, seq]
  const states = options.outputHiddenStates ? stack.statePoints() : undefined
  const probs = options.outputAttentions ? stack.probPoints('self_attention') : undefined
  const { glass, take } = new RunGlass(model, options, [states, probs])
  const lastHiddenState = await stack.forward({ embeddings: embedding.forward(inputIds), mask }, glass, options.signal)
  return { lastHiddenState, mask, hiddenStates: take(states), attentions: take(probs) }
}

/** The encoder alone. */
export class T5EncoderModel implements Model {
  readonly config: T5Config
  readonly #embedding: Embedding
  readonly #encoder: T5Stack

  constructor(config: T5Config, weights: Weights) {
    this.config = config
    this.#embedding = new Embedding(weights.scope('shared'), { rows: config.vocabSize, dimension: config.dModel })
    this.#encoder = new T5Stack('encoder', weights.scope('encoder'), config)
    weights.ignore(...REPEATED, /^decoder\./, /^lm_head\./)
  }

  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<T5EncoderModel> {
    return loadModel(location, (json, weights) => new T5EncoderModel(t5Config(json), weights), options)
  }

  hookPoints(): readonly HookPoint[] {
    return this.#encoder.hookPoints()
  }

  forward(inputs: T5EncoderInputs, options: RunOptions = {}): Promise<T5EncoderOutput> {
    return encode(this, this.#encoder, this.#embedding, inputs, options)
  }
}

export class T5ForConditionalGeneration implements Model {
  readonly config: T5Config
  readonly generationConfig: GenerationConfig
  readonly #weights: Weights
  readonly #embedding: Embedding
  readonly #encoder: T5Stack
  readonly #decoder: T5Stack
  /** Untied models have a head of their own; tied ones multiply with the embedding. */
  readonly #head: Linear | undefined
  readonly #logits: HookPoint

  constructor(config: T5Config, weights: Weights, generationConfig: GenerationConfig) {
    const { vocabSize, dModel, tieWordEmbeddings } = config
    this.config = config
    this.generationConfig = generationConfig
    this.#weights = weights
    this.#embedding = new Embedding(weights.scope('shared'), {
      rows: vocabSize,
      dimension: dModel,
      tied: tieWordEmbeddings,
    })
    this.#encoder = new T5Stack('encoder', weights.scope('encoder'), config)
    this.#decoder = new T5Stack('decoder', weights.scope('decoder'), config)
    this.#head = tieWordEmbeddings
      ? undefined
      : new Linear(weights.scope('lm_head'), { inFeatures: dModel, outFeatures: vocabSize, bias: false })
    this.#logits = hookPoint('logits', ['batch', 'query', vocabSize])
    weights.ignore(...REPEATED)
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
    return [...this.#encoder.hookPoints(), ...this.#decoder.hookPoints(), this.#logits]
  }

  /** Reads a text: what {@link decode} looks at. */
  encode(inputs: T5EncoderInputs, options: RunOptions = {}): Promise<T5Encoded> {
    return encode(this, this.#encoder, this.#embedding, inputs, options)
  }

  /** Empty caches for a decoding that goes on step by step. */
  startCache(): T5Cache {
    return this.#decoder.startCache()
  }

  /**
   * Logits of the token after each of `decoderInputIds` [batch, target] -> [batch, target, vocabulary]. With a cache, the ids are
   * only those that it does not hold yet.
   */
  async decode(encoded: T5Encoded, decoderInputIds: IdsLike, options: DecodeOptions = {}): Promise<Float> {
    const { glass } = new RunGlass(this, options, [])
    return this.#decode(encoded, toIds('decoderInputIds', decoderInputIds), options, glass)
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
    const { glass, take } = new RunGlass(this, options, [states, self, cross])
    const logits = await this.#decode(encoded, decoderInputIds, { mask: mask && paddingMask(mask), ...options }, glass)
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

  /** Writes a text for each row by greedy search. */
  async generate(inputs: T5EncoderInputs, options: T5GenerateOptions = {}): Promise<GenerateOutput> {
    const encoded = await this.encode(inputs, options)
    return this.generateFrom(encoded, options)
  }

  /** As {@link generate}, from a text that was already read. */
  generateFrom(encoded: T5Encoded, options: T5GenerateOptions = {}): Promise<GenerateOutput> {
    return collect(this.stream(encoded, options), encoded.lastHiddenState.shape[0], this.generationConfig)
  }

  /** The steps of {@link generateFrom}, one by one as they are decided. */
  stream(encoded: T5Encoded, options: T5GenerateOptions = {}): AsyncGenerator<GenerationStep, void, void> {
    const cache = this.startCache()
    const nextLogits = async (tokens: readonly number[]) => {
      const ids = tokens.map((token) => [token]) // [batch, 1]
      return (await this.decode(encoded, ids, { ...options, cache })).select(1, 0) // [batch, vocabulary]
    }
    return greedySearch(nextLogits, encoded.lastHiddenState.shape[0], this.generationConfig, options)
  }

  async #decode(encoded: T5Encoded, ids: Ids, options: DecodeOptions & { mask?: Float }, glass: Glass): Promise<Float> {
    const hiddenStates = await this.#decoder.forward(
      {
        embeddings: this.#embedding.forward(ids),
        mask: options.mask,
        encoderStates: encoded.lastHiddenState,
        encoderMask: encoded.mask,
        cache: options.cache,
      },
      glass,
      options.signal,
    ) // [batch, target, dModel]
    if (this.#head) return glass.show(this.#logits, await this.#head.forward(hiddenStates))
    const scaled = this.#weights.backend.scale(hiddenStates, this.config.dModel ** -0.5)
    return glass.show(this.#logits, await this.#embedding.project(scaled))
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

export interface DecodeOptions extends Pick<RunOptions, 'hooks' | 'signal'> {
  readonly cache?: T5Cache
}

export type { T5Cache, T5Config }
