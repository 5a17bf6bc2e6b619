/**
 * BERT: an encoder that reads a text in both directions at once. Post-norm layers (residual, then LayerNorm), learned positions, two
 * segments, GELU. Sentence encoders such as all-MiniLM-L6-v2 are BERTs whose output is pooled (rag/sentence-encoder.ts).
 * Devlin et al. 2018, https://arxiv.org/abs/1810.04805.
 *
 *   const model = await BertModel.fromPretrained('./bert-base-uncased')
 *   const { lastHiddenState } = await model.forward({ inputIds: [[101, 7592, 102]] })   // [1, 3, 768]
 */
import { MultiHeadAttention, paddingMask } from '../attention/index.js'
import { InputError } from '../errors.js'
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import {
  Embedding,
  FeedForward,
  LayerNorm,
  Linear,
  type Pass,
  type Weights,
  type WeightScope,
} from '../layers/index.js'
import type { Activation, Float } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import { ACTIVATION_CHOICES, ACTIVATION_NAMES } from './activation-name.js'
import { toIds, toMask, type IdsLike } from './inputs.js'
import { loadModel, MAX_LAYERS, Model, requireFamily, type FromPretrainedOptions, type RunOptions } from './model.js'

/** config.json of a BERT, in camelCase. */
export interface BertConfig {
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly numHiddenLayers: number
  readonly numAttentionHeads: number
  readonly intermediateSize: number
  readonly hiddenAct: Activation
  readonly maxPositionEmbeddings: number
  readonly typeVocabSize: number
  readonly layerNormEps: number
}

/** @throws ConfigError for a missing or unsupported field */
export function bertConfig(json: JsonObject): BertConfig {
  requireFamily(json, 'bert')
  json.oneOf('position_embedding_type', ['absolute'], 'absolute')
  return {
    vocabSize: json.integer('vocab_size'),
    hiddenSize: json.integer('hidden_size'),
    numHiddenLayers: json.integer('num_hidden_layers', { max: MAX_LAYERS }),
    numAttentionHeads: json.divisor('num_attention_heads', 'hidden_size'),
    intermediateSize: json.integer('intermediate_size'),
    hiddenAct: ACTIVATION_NAMES[json.oneOf('hidden_act', ACTIVATION_CHOICES, 'gelu')],
    maxPositionEmbeddings: json.integer('max_position_embeddings'),
    typeVocabSize: json.integer('type_vocab_size', { fallback: 2 }),
    layerNormEps: json.number('layer_norm_eps', 1e-12),
  }
}

export interface BertInputs {
  /** [batch, seq] */
  readonly inputIds: IdsLike
  /** 1 for tokens, 0 for padding; all 1 when left out. [batch, seq] */
  readonly attentionMask?: IdsLike
  /** Segment of each token; all 0 when left out. [batch, seq] */
  readonly tokenTypeIds?: IdsLike
}

export interface BertOutput {
  /** [batch, seq, hiddenSize] */
  readonly lastHiddenState: Float
  /** tanh of a linear layer on the first token, [batch, hiddenSize]; undefined without the pooling layer. */
  readonly poolerOutput: Float | undefined
  /** Embeddings and the output of every layer; with outputHiddenStates. */
  readonly hiddenStates: readonly Float[] | undefined
  /** [batch, heads, query, key] of every layer; with outputAttentions. */
  readonly attentions: readonly Float[] | undefined
}

export interface BertOptions extends FromPretrainedOptions {
  /** Whether to load the pooling layer; sentence encoders do not use it. Default: if the checkpoint has one. */
  readonly addPoolingLayer?: boolean
}

class BertEmbeddings {
  readonly #word: Embedding
  readonly #position: Embedding
  readonly #tokenType: Embedding
  readonly #norm: LayerNorm
  readonly #points

  constructor(weights: WeightScope, config: BertConfig) {
    const dimension = config.hiddenSize
    this.#word = new Embedding(weights.scope('word_embeddings'), { rows: config.vocabSize, dimension })
    this.#position = new Embedding(weights.scope('position_embeddings'), {
      rows: config.maxPositionEmbeddings,
      dimension,
    })
    this.#tokenType = new Embedding(weights.scope('token_type_embeddings'), { rows: config.typeVocabSize, dimension })
    this.#norm = new LayerNorm(weights.scope('LayerNorm'), { dimension, epsilon: config.layerNormEps })
    const shape = ['batch', 'query', dimension] as const
    this.#points = {
      word: hookPoint('embeddings.word', shape),
      position: hookPoint('embeddings.position', ['batch', 'query', dimension]),
      tokenType: hookPoint('embeddings.token_type', shape),
      out: hookPoint('embeddings.out', shape),
    }
  }

  get out(): HookPoint {
    return this.#points.out
  }

  hookPoints(): HookPoint[] {
    return Object.values(this.#points)
  }

  async forward(inputIds: Tensor<'int32'>, tokenTypeIds: Tensor<'int32'>, pass: Pass): Promise<Float> {
    const [batch, seq] = inputIds.shape
    const positions = Tensor.int32(Int32Array.from({ length: seq }, (_, i) => i)).broadcastTo([batch, seq])
    const word = await pass.show(this.#points.word, this.#word.forward(inputIds, pass)) // [batch, seq, hidden]
    const tokenType = await pass.show(this.#points.tokenType, this.#tokenType.forward(tokenTypeIds, pass)) // [batch, seq, hidden]
    const position = await pass.show(this.#points.position, this.#position.forward(positions, pass)) // [batch, seq, hidden]
    const sum = pass.kernels.add(pass.kernels.add(word, tokenType), position)
    return pass.show(this.#points.out, this.#norm.forward(sum, pass))
  }
}

class BertLayer {
  readonly #attention: MultiHeadAttention
  readonly #attentionNorm: LayerNorm
  readonly #feedForward: FeedForward
  readonly #outputNorm: LayerNorm
  readonly #middle: HookPoint
  readonly out: HookPoint

  constructor(name: string, weights: WeightScope, config: BertConfig) {
    const dimension = config.hiddenSize
    const norm = { dimension, epsilon: config.layerNormEps }
    const headDim = dimension / config.numAttentionHeads
    this.#attention = new MultiHeadAttention(`${name}.self_attention`, weights.scope('attention'), {
      dimension,
      numHeads: config.numAttentionHeads,
      headDim,
      scale: 1 / Math.sqrt(headDim),
      bias: true,
      names: { query: 'self.query', key: 'self.key', value: 'self.value', out: 'output.dense' },
    })
    this.#attentionNorm = new LayerNorm(weights.scope('attention.output.LayerNorm'), norm)
    this.#feedForward = new FeedForward(`${name}.feed_forward`, weights, {
      dimension,
      hiddenDimension: config.intermediateSize,
      activation: config.hiddenAct,
      bias: true,
      names: { up: 'intermediate.dense', down: 'output.dense' },
    })
    this.#outputNorm = new LayerNorm(weights.scope('output.LayerNorm'), norm)
    this.#middle = hookPoint(`${name}.attention_norm`, ['batch', 'query', dimension])
    this.out = hookPoint(`${name}.out`, ['batch', 'query', dimension])
  }

  hookPoints(): HookPoint[] {
    return [...this.#attention.hookPoints(), this.#middle, ...this.#feedForward.hookPoints(), this.out]
  }

  async forward(hiddenStates: Float, mask: Float, pass: Pass): Promise<Float> {
    const attended = await this.#attention.forward({ hiddenStates, mask }, pass) // [batch, seq, hidden]
    const sum = pass.kernels.add(attended, hiddenStates)
    const middle = await pass.show(this.#middle, this.#attentionNorm.forward(sum, pass)) // [batch, seq, hidden]
    const fed = await this.#feedForward.forward(middle, pass) // [batch, seq, hidden]
    return pass.show(this.out, this.#outputNorm.forward(pass.kernels.add(fed, middle), pass))
  }
}

export class BertModel extends Model {
  readonly config: BertConfig
  readonly #embeddings: BertEmbeddings
  readonly #layers: readonly BertLayer[]
  readonly #pooler: Linear | undefined
  readonly #poolerPoint: HookPoint

  constructor(config: BertConfig, weights: Weights, { addPoolingLayer }: Pick<BertOptions, 'addPoolingLayer'> = {}) {
    super(weights)
    const prefix = weights.has('bert.embeddings.word_embeddings.weight') ? 'bert' : ''
    const root = weights.scope(prefix)
    const hasPooler = weights.has(`${prefix && 'bert.'}pooler.dense.weight`)
    this.config = config
    this.#embeddings = new BertEmbeddings(root.scope('embeddings'), config)
    this.#layers = Array.from(
      { length: config.numHiddenLayers },
      (_, i) => new BertLayer(`encoder.${i}`, root.scope(`encoder.layer.${i}`), config),
    )
    const size = config.hiddenSize
    this.#pooler =
      (addPoolingLayer ?? hasPooler)
        ? new Linear(root.scope('pooler.dense'), { inFeatures: size, outFeatures: size, bias: true })
        : undefined
    this.#poolerPoint = hookPoint('pooler', ['batch', size])
    weights.ignore(/(^|\.)embeddings\.position_ids$/, /^cls\./)
    if (addPoolingLayer === false) weights.ignore(/(^|\.)pooler\./)
  }

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options: BertOptions = {}): Promise<BertModel> {
    return loadModel(location, (json, weights) => new BertModel(bertConfig(json), weights, options), options)
  }

  hookPoints(): readonly HookPoint[] {
    const layers = this.#layers.flatMap((layer) => layer.hookPoints())
    return [...this.#embeddings.hookPoints(), ...layers, ...(this.#pooler ? [this.#poolerPoint] : [])]
  }

  /** @throws InputError when a text is longer than the model's positions */
  async forward(inputs: BertInputs, options: RunOptions = {}): Promise<BertOutput> {
    const inputIds = toIds('inputIds', inputs.inputIds) // [batch, seq]
    const { maxPositionEmbeddings: limit } = this.config
    if (inputIds.shape[1] > limit) {
      throw new InputError(
        'too-long',
        `the text has ${inputIds.shape[1]} tokens, this model reads at most ${limit}; shorten or truncate it`,
      )
    }
    const mask = paddingMask(toMask('attentionMask', inputs.attentionMask, inputIds)) // [batch, 1, 1, seq]
    const tokenTypeIds = inputs.tokenTypeIds
      ? toMask('tokenTypeIds', inputs.tokenTypeIds, inputIds)
      : Tensor.zeros('int32', inputIds.shape)

    const states = options.outputHiddenStates
      ? [this.#embeddings.out, ...this.#layers.map(({ out }) => out)]
      : undefined
    const probs = options.outputAttentions
      ? this.hookPoints().filter(({ name }) => name.endsWith('self_attention.probs'))
      : undefined
    const { result, take } = await this.run(options, [states, probs], async (pass, keep) => {
      let hiddenStates = await this.#embeddings.forward(inputIds, tokenTypeIds, pass) // [batch, seq, hidden]
      for (const layer of this.#layers) {
        hiddenStates = await pass.layer(hiddenStates, (x, pass) => layer.forward(x, mask, pass))
      }
      const first = hiddenStates.select(1, 0) // [batch, hidden]
      const pooled =
        this.#pooler && (await pass.show(this.#poolerPoint, await this.#pooler.forward(first, pass, 'tanh')))
      return { lastHiddenState: keep(hiddenStates), poolerOutput: pooled && keep(pooled) }
    })
    return { ...result, hiddenStates: take(states), attentions: take(probs) }
  }
}
