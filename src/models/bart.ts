/**
 * BART: an encoder and a decoder in the shape of the first transformer (post-norm layers, learned positions), trained to restore
 * damaged texts; the generator of the RAG paper. Positions begin at row 2 of their table, the embeddings are normed before the
 * first layer, and the logits get a bias. Lewis et al. 2019, https://arxiv.org/abs/1910.13461.
 *
 *   const model = await BartForConditionalGeneration.fromPretrained('./bart-large-cnn')
 *   const { sequences } = await model.generate({ inputIds: [tokenizer.encode('A long article …').ids] })
 */
import { ConfigError, InputError } from '../errors.js'
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import type { GenerationConfig } from '../generation/index.js'
import { Embedding, LayerNorm, type Pass, type Weights, type WeightScope } from '../layers/index.js'
import type { Activation, Float, Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import { ACTIVATION_CHOICES, ACTIVATION_NAMES } from './activation-name.js'
import { loadModel, MAX_LAYERS, requireFamily, type Build, type FromPretrainedOptions } from './model.js'
import { PostNormLayer } from './post-norm-layer.js'
import { Seq2SeqLM, type LanguageModelHead, type Seq2SeqStack, type Seq2SeqStackInputs } from './seq2seq-lm.js'

/** config.json of a BART, in camelCase. */
export interface BartConfig {
  readonly vocabSize: number
  readonly dModel: number
  readonly encoderLayers: number
  readonly decoderLayers: number
  readonly encoderAttentionHeads: number
  readonly decoderAttentionHeads: number
  readonly encoderFfnDim: number
  readonly decoderFfnDim: number
  readonly activationFunction: Activation
  readonly maxPositionEmbeddings: number
  /** Whether embeddings are multiplied with the root of dModel. */
  readonly scaleEmbedding: boolean
}

/** @throws ConfigError for a missing or unsupported field */
export function bartConfig(json: JsonObject): BartConfig {
  requireFamily(json, 'bart')
  for (const field of ['normalize_before', 'add_final_layer_norm', 'static_position_embeddings']) {
    if (json.boolean(field, false)) {
      throw new ConfigError(
        'config-type',
        `${json.where}: "${field}" is true, which is another family's and not supported`,
      )
    }
  }
  if (!json.boolean('tie_word_embeddings', true)) {
    throw new ConfigError('config-type', `${json.where}: "tie_word_embeddings" is false, which is not supported`)
  }
  return {
    vocabSize: json.integer('vocab_size'),
    dModel: json.integer('d_model'),
    encoderLayers: json.integer('encoder_layers', { max: MAX_LAYERS }),
    decoderLayers: json.integer('decoder_layers', { max: MAX_LAYERS }),
    encoderAttentionHeads: json.divisor('encoder_attention_heads', 'd_model'),
    decoderAttentionHeads: json.divisor('decoder_attention_heads', 'd_model'),
    encoderFfnDim: json.integer('encoder_ffn_dim'),
    decoderFfnDim: json.integer('decoder_ffn_dim'),
    activationFunction: ACTIVATION_NAMES[json.oneOf('activation_function', ACTIVATION_CHOICES, 'gelu')],
    maxPositionEmbeddings: json.integer('max_position_embeddings'),
    scaleEmbedding: json.boolean('scale_embedding', false),
  }
}

/** Rows of the position table before that of position 0. */
const POSITION_OFFSET = 2
const EPSILON = 1e-5

function attentionNames(block: string) {
  return {
    query: `${block}.q_proj`,
    key: `${block}.k_proj`,
    value: `${block}.v_proj`,
    out: `${block}.out_proj`,
    norm: `${block}_layer_norm`,
  }
}

/** The encoder or the decoder. */
class BartStack implements Seq2SeqStack {
  readonly #config: BartConfig
  readonly #word: Embedding
  readonly #position: Embedding
  readonly #norm: LayerNorm
  readonly #layers: readonly PostNormLayer[]
  readonly #points
  /** Each layer norms its own output. */
  readonly finalNorm = undefined

  /** @param word the embedding of the tokens, which both stacks share */
  constructor(name: 'encoder' | 'decoder', weights: WeightScope, config: BartConfig, word: Embedding) {
    const { dModel: dimension, maxPositionEmbeddings, activationFunction } = config
    const isDecoder = name === 'decoder'
    this.#config = config
    this.#word = word
    this.#position = new Embedding(weights.scope('embed_positions'), {
      rows: maxPositionEmbeddings + POSITION_OFFSET,
      dimension,
    })
    this.#norm = new LayerNorm(weights.scope('layernorm_embedding'), { dimension, epsilon: EPSILON })
    const layer = {
      dimension,
      numHeads: isDecoder ? config.decoderAttentionHeads : config.encoderAttentionHeads,
      hiddenDimension: isDecoder ? config.decoderFfnDim : config.encoderFfnDim,
      activation: activationFunction,
      epsilon: EPSILON,
      names: {
        selfAttention: attentionNames('self_attn'),
        crossAttention: isDecoder ? attentionNames('encoder_attn') : undefined,
        feedForward: { up: 'fc1', down: 'fc2', norm: 'final_layer_norm' },
      },
    }
    this.#layers = Array.from(
      { length: isDecoder ? config.decoderLayers : config.encoderLayers },
      (_, i) => new PostNormLayer(`${name}.${i}`, weights.scope(`layers.${i}`), layer),
    )
    const shape = ['batch', 'query', dimension] as const
    this.#points = {
      word: hookPoint(`${name}.embeddings.word`, shape),
      position: hookPoint(`${name}.embeddings.position`, shape),
      out: hookPoint(`${name}.embeddings.out`, shape),
    }
  }

  get numLayers(): number {
    return this.#layers.length
  }

  hookPoints(): HookPoint[] {
    return [...Object.values(this.#points), ...this.#layers.flatMap((layer) => layer.hookPoints())]
  }

  streamPoints(): HookPoint[] {
    return this.statePoints()
  }

  statePoints(): HookPoint[] {
    return [this.#points.out, ...this.#layers.map(({ out }) => out)]
  }

  probPoints(kind: 'self_attention' | 'cross_attention'): HookPoint[] {
    return this.hookPoints().filter(({ name }) => name.endsWith(`${kind}.probs`))
  }

  /** -> [batch, query, dModel] */
  async forward({ ids, cache, ...inputs }: Seq2SeqStackInputs, pass: Pass): Promise<Float> {
    let hiddenStates = await this.#embed(ids, cache?.length ?? 0, pass) // [batch, query, dModel]
    for (const [index, layer] of this.#layers.entries()) {
      const layerInputs = { ...inputs, cache: cache?.layers[index] }
      hiddenStates = await pass.layer(hiddenStates, (x, pass) => layer.forward(x, layerInputs, pass))
    }
    return hiddenStates
  }

  /** Tokens at positions `start` and after, whatever is padding among them. */
  async #embed(ids: Ids, start: number, pass: Pass): Promise<Float> {
    const { dModel, maxPositionEmbeddings: limit, scaleEmbedding } = this.#config
    const seq = ids.shape[1]
    if (start + seq > limit) {
      throw new InputError(
        'too-long',
        `the text has ${start + seq} tokens, this model reads at most ${limit}; shorten or truncate it`,
      )
    }
    const rows = Int32Array.from({ length: seq }, (_, i) => start + i + POSITION_OFFSET)
    const embedded = this.#word.forward(ids, pass) // [batch, query, dModel]
    const scaled = scaleEmbedding ? pass.kernels.scale(embedded, Math.sqrt(dModel)) : embedded
    const word = await pass.show(this.#points.word, scaled)
    const positions = this.#position.forward(Tensor.int32(rows).broadcastTo(ids.shape), pass) // [batch, query, dModel]
    const position = await pass.show(this.#points.position, positions)
    return pass.show(this.#points.out, this.#norm.forward(pass.kernels.add(word, position), pass))
  }
}

/** Names that the embedding may have, or be repeated under. */
const EMBEDDINGS = ['shared', 'encoder.embed_tokens', 'decoder.embed_tokens']

export class BartForConditionalGeneration extends Seq2SeqLM {
  readonly config: BartConfig

  constructor(config: BartConfig, weights: Weights, generationConfig: GenerationConfig) {
    const { vocabSize, dModel: dimension } = config
    const base = weights.base('model')
    const name = EMBEDDINGS.find((name) => base.has(`${name}.weight`)) ?? 'shared'
    const embedding = new Embedding(base.scope(name), { rows: vocabSize, dimension, tied: true })
    super(weights, {
      encoder: new BartStack('encoder', base.scope('encoder'), config, embedding),
      decoder: new BartStack('decoder', base.scope('decoder'), config, embedding),
      head: bartHead(weights, config, embedding),
      vocabSize,
      maxLength: config.maxPositionEmbeddings,
      generationConfig,
    })
    this.config = config
    base.ignore(/^(encoder|decoder)\.embed_tokens\.weight$/)
  }

  static readonly build: Build<BartForConditionalGeneration> = (json, weights, generation) =>
    new BartForConditionalGeneration(bartConfig(json), weights, generation)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<BartForConditionalGeneration> {
    return loadModel(location, BartForConditionalGeneration.build, options)
  }
}

/** The embedding, and a bias, which files that were saved without a head do not have. */
function bartHead(weights: Weights, { vocabSize }: BartConfig, embedding: Embedding): LanguageModelHead {
  weights.ignore(/^lm_head\.weight$/) // the embedding again
  const name = 'final_logits_bias'
  const bias = weights.has(name) ? weights.scope('').vector(name, [1, vocabSize]) : undefined
  return async (hiddenStates, pass) => {
    const logits = await embedding.project(hiddenStates, pass)
    return bias ? pass.kernels.add(logits, bias.value.reshape([vocabSize])) : logits
  }
}
