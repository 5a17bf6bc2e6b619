/**
 * BERT: an encoder that reads a text in both directions at once. Post-norm layers (residual, then LayerNorm), learned positions, two
 * segments, GELU. Sentence encoders such as all-MiniLM-L6-v2 are BERTs whose output is pooled (rag/finding/sentence-encoder.ts);
 * rerankers such as ms-marco-MiniLM-L-6-v2 are BERTs that read question and passage as the two segments and give one score.
 * Devlin et al. 2018, https://arxiv.org/abs/1810.04805.
 *
 *   const model = await BertModel.fromPretrained('./bert-base-uncased')
 *   const { lastHiddenState } = await model.forward({ inputIds: [[101, 7592, 102]] })   // [1, 3, 768]
 */
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import type { Weights } from '../layers/index.js'
import type { Activation } from '../tensor/ops/index.js'
import { ACTIVATION_CHOICES, ACTIVATION_NAMES } from './activation-name.js'
import { Encoder } from './encoder.js'
import { EncoderForSequenceClassification, EncoderModel, numLabels, type EncoderModelOptions } from './encoder-model.js'
import { FirstToken, firstTokenStep, pooler, poolerStep } from './first-token.js'
import { loadModel, MAX_LAYERS, requireFamily, type Build, type FromPretrainedOptions } from './model.js'
import { EncoderForQuestionAnswering } from './question-answering.js'

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
  readonly padTokenId: number
  readonly numLabels: number
}

/** @throws ConfigError for a missing or unsupported field */
export function bertConfig(json: JsonObject): BertConfig {
  requireFamily(json, 'bert')
  return bertFields(json)
}

/** The fields, in the files of those families that name them as BERT does. */
export function bertFields(json: JsonObject): BertConfig {
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
    padTokenId: json.integer('pad_token_id', { min: 0, fallback: 0 }),
    numLabels: numLabels(json),
  }
}

/** BERT's names, which RoBERTa has too. */
const NAMES = {
  layers: 'encoder.layer',
  selfAttention: {
    query: 'attention.self.query',
    key: 'attention.self.key',
    value: 'attention.self.value',
    out: 'attention.output.dense',
    norm: 'attention.output.LayerNorm',
  },
  feedForward: { up: 'intermediate.dense', down: 'output.dense', norm: 'output.LayerNorm' },
}

/** The encoder of these weights. RoBERTa's differs in its positions only. */
export function bertEncoder(weights: Weights, config: BertConfig, positionsAfterPadding?: number): Encoder {
  return new Encoder(weights, {
    vocabSize: config.vocabSize,
    dimension: config.hiddenSize,
    numLayers: config.numHiddenLayers,
    numHeads: config.numAttentionHeads,
    hiddenDimension: config.intermediateSize,
    activation: config.hiddenAct,
    epsilon: config.layerNormEps,
    positions: config.maxPositionEmbeddings,
    positionsAfterPadding,
    tokenTypes: config.typeVocabSize,
    names: NAMES,
  })
}

export class BertModel extends EncoderModel {
  readonly config: BertConfig

  constructor(config: BertConfig, weights: Weights, options: Pick<EncoderModelOptions, 'addPoolingLayer'> = {}) {
    const base = weights.base('bert')
    super(weights, bertEncoder(base, config), pooler(base, config.hiddenSize, options.addPoolingLayer))
    this.config = config
    weights.ignore(/^cls\./, /^classifier\./, /^qa_outputs\./)
  }

  static readonly build: Build<BertModel> = (json, weights) => new BertModel(bertConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options: EncoderModelOptions = {}): Promise<BertModel> {
    return loadModel(location, (json, weights) => new BertModel(bertConfig(json), weights, options), options)
  }
}

/** A BERT that judges a text or a pair of texts: a linear layer on the pooled state. */
export class BertForSequenceClassification extends EncoderForSequenceClassification {
  readonly config: BertConfig

  constructor(config: BertConfig, weights: Weights) {
    const { hiddenSize, numLabels } = config
    const base = weights.base('bert')
    const classifier = { inFeatures: hiddenSize, outFeatures: numLabels }
    super(
      weights,
      bertEncoder(base, config),
      new FirstToken(poolerStep(base, hiddenSize), firstTokenStep('logits', weights.scope('classifier'), classifier)),
    )
    this.config = config
  }

  static readonly build: Build<BertForSequenceClassification> = (json, weights) =>
    new BertForSequenceClassification(bertConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<BertForSequenceClassification> {
    return loadModel(location, BertForSequenceClassification.build, options)
  }
}

/** A BERT that points at the answer to a question: two logits for every token, no pooling layer. */
export class BertForQuestionAnswering extends EncoderForQuestionAnswering {
  readonly config: BertConfig

  constructor(config: BertConfig, weights: Weights) {
    const base = weights.base('bert')
    super(weights, bertEncoder(base, config), config, config.hiddenSize)
    this.config = config
    base.ignore(/^pooler\./)
  }

  static readonly build: Build<BertForQuestionAnswering> = (json, weights) =>
    new BertForQuestionAnswering(bertConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<BertForQuestionAnswering> {
    return loadModel(location, BertForQuestionAnswering.build, options)
  }
}
