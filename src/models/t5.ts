/**
 * T5: an encoder that reads a text and a decoder that writes one, looking back at the encoder through cross-attention. Pre-norm layers
 * with RMSNorm, no biases, attention without scale, a learned bias for each distance in place of positions. v1.0 feeds
 * forward with ReLU and ties the embedding to the output; v1.1 and FLAN gate with GELU and do not tie.
 * Raffel et al. 2020, https://arxiv.org/abs/1910.10683; v1.1: https://arxiv.org/abs/2002.05202.
 *
 *   const model = await T5ForConditionalGeneration.fromPretrained('./flan-t5-small')
 *   const { sequences } = await model.generate({ inputIds: [tokenizer.encode('translate English to German: Hello').ids] })
 */
import type { FolderLike } from '../files/folder.js'
import type { GenerationConfig } from '../generation/index.js'
import { Embedding, Linear, type Weights } from '../layers/index.js'
import type { HookPoint } from '../trace/glass.js'
import type { TextInputs } from './generative.js'
import { loadModel, Model, type Build, type FromPretrainedOptions, type RunOptions } from './model.js'
import { readSource, Seq2SeqLM, type LanguageModelHead, type SourceOutput } from './seq2seq-lm.js'
import { t5Config, type T5Config } from './t5-config.js'
import { T5Stack } from './t5-stack.js'

/** Names that the embedding may have, or be repeated under. */
const EMBEDDINGS = ['shared', 'encoder.embed_tokens', 'decoder.embed_tokens']

function t5Embedding(weights: Weights, { vocabSize, dModel }: T5Config, tied: boolean): Embedding {
  const name = EMBEDDINGS.find((name) => weights.has(`${name}.weight`)) ?? 'shared'
  weights.ignore(/^(encoder|decoder)\.embed_tokens\.weight$/)
  weights.ignore(/EncDecAttention\.relative_attention_bias\.weight$/) // a leftover of the first release
  return new Embedding(weights.scope(name), { rows: vocabSize, dimension: dModel, tied })
}

/** The encoder alone. */
export class T5EncoderModel extends Model {
  readonly config: T5Config
  readonly #encoder: T5Stack

  constructor(config: T5Config, weights: Weights) {
    super(weights)
    this.config = config
    this.#encoder = new T5Stack('encoder', weights.scope('encoder'), config, t5Embedding(weights, config, false))
    weights.ignore(/^decoder\./, /^lm_head\./)
  }

  static readonly build: Build<T5EncoderModel> = (json, weights) => new T5EncoderModel(t5Config(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<T5EncoderModel> {
    return loadModel(location, T5EncoderModel.build, options)
  }

  hookPoints(): readonly HookPoint[] {
    return this.#encoder.hookPoints()
  }

  forward(inputs: TextInputs, options: RunOptions = {}): Promise<SourceOutput> {
    return readSource(this.#encoder, inputs, options, (...pass) => this.run(...pass))
  }
}

export class T5ForConditionalGeneration extends Seq2SeqLM {
  readonly config: T5Config

  constructor(config: T5Config, weights: Weights, generationConfig: GenerationConfig) {
    const { vocabSize, tieWordEmbeddings } = config
    const embedding = t5Embedding(weights, config, tieWordEmbeddings)
    super(weights, {
      encoder: new T5Stack('encoder', weights.scope('encoder'), config, embedding),
      decoder: new T5Stack('decoder', weights.scope('decoder'), config, embedding),
      head: t5Head(weights, config, embedding),
      vocabSize,
      maxLength: config.nPositions,
      generationConfig,
    })
    this.config = config
  }

  static readonly build: Build<T5ForConditionalGeneration> = (json, weights, generation) =>
    new T5ForConditionalGeneration(t5Config(json), weights, generation)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<T5ForConditionalGeneration> {
    return loadModel(location, T5ForConditionalGeneration.build, options)
  }
}

/** Untied models have a head of their own; tied ones multiply with the embedding, after scaling the states to its size. */
function t5Head(weights: Weights, config: T5Config, embedding: Embedding): LanguageModelHead {
  const { vocabSize, dModel, tieWordEmbeddings } = config
  if (tieWordEmbeddings) {
    weights.ignore(/^lm_head\.weight$/)
    return (hiddenStates, pass) => embedding.project(pass.kernels.scale(hiddenStates, dModel ** -0.5), pass)
  }
  const head = new Linear(weights.scope('lm_head'), { inFeatures: dModel, outFeatures: vocabSize, bias: false })
  return (hiddenStates, pass) => head.forward(hiddenStates, pass)
}

export type { T5Config }
