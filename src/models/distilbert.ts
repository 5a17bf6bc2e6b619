/**
 * DistilBERT: a BERT of half the layers, taught to give BERT's answers. No segments and no pooling layer, and names of its own;
 * the rest is BERT. Sanh et al. 2019, https://arxiv.org/abs/1910.01108.
 *
 *   const model = await DistilBertModel.fromPretrained('./distilbert-base-uncased')
 *   const { lastHiddenState } = await model.forward({ inputIds: [[101, 7592, 102]] })   // [1, 3, 768]
 */
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import type { Weights } from '../layers/index.js'
import type { Activation } from '../tensor/ops/index.js'
import { ACTIVATION_CHOICES, ACTIVATION_NAMES } from './activation-name.js'
import { Encoder } from './encoder.js'
import { EncoderForSequenceClassification, EncoderModel, numLabels } from './encoder-model.js'
import { FirstToken, firstTokenStep } from './first-token.js'
import { loadModel, MAX_LAYERS, requireFamily, type Build, type FromPretrainedOptions } from './model.js'
import { EncoderForQuestionAnswering } from './question-answering.js'

/** config.json of a DistilBERT, in camelCase. */
export interface DistilBertConfig {
  readonly vocabSize: number
  readonly dim: number
  readonly nLayers: number
  readonly nHeads: number
  readonly hiddenDim: number
  readonly activation: Activation
  readonly maxPositionEmbeddings: number
  readonly numLabels: number
}

/** @throws ConfigError for a missing or unsupported field */
export function distilBertConfig(json: JsonObject): DistilBertConfig {
  requireFamily(json, 'distilbert')
  return {
    vocabSize: json.integer('vocab_size'),
    dim: json.integer('dim'),
    nLayers: json.integer('n_layers', { max: MAX_LAYERS }),
    nHeads: json.divisor('n_heads', 'dim'),
    hiddenDim: json.integer('hidden_dim'),
    activation: ACTIVATION_NAMES[json.oneOf('activation', ACTIVATION_CHOICES, 'gelu')],
    maxPositionEmbeddings: json.integer('max_position_embeddings'),
    numLabels: numLabels(json),
  }
}

const NAMES = {
  layers: 'transformer.layer',
  selfAttention: {
    query: 'attention.q_lin',
    key: 'attention.k_lin',
    value: 'attention.v_lin',
    out: 'attention.out_lin',
    norm: 'sa_layer_norm',
  },
  feedForward: { up: 'ffn.lin1', down: 'ffn.lin2', norm: 'output_layer_norm' },
}

function distilBertEncoder(weights: Weights, config: DistilBertConfig): Encoder {
  return new Encoder(weights, {
    vocabSize: config.vocabSize,
    dimension: config.dim,
    numLayers: config.nLayers,
    numHeads: config.nHeads,
    hiddenDimension: config.hiddenDim,
    activation: config.activation,
    epsilon: 1e-12,
    positions: config.maxPositionEmbeddings, // learned or sinusoidal, the file has them
    tokenTypes: 0,
    names: NAMES,
  })
}

export class DistilBertModel extends EncoderModel {
  readonly config: DistilBertConfig

  constructor(config: DistilBertConfig, weights: Weights) {
    super(weights, distilBertEncoder(weights.base('distilbert'), config), undefined)
    this.config = config
    weights.ignore(/^vocab_(transform|layer_norm|projector)\./, /^(pre_)?classifier\./, /^qa_outputs\./)
  }

  static readonly build: Build<DistilBertModel> = (json, weights) =>
    new DistilBertModel(distilBertConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<DistilBertModel> {
    return loadModel(location, DistilBertModel.build, options)
  }
}

/** A DistilBERT that judges a text: two linear layers on the first token's state, ReLU between them. */
export class DistilBertForSequenceClassification extends EncoderForSequenceClassification {
  readonly config: DistilBertConfig

  constructor(config: DistilBertConfig, weights: Weights) {
    const { dim, numLabels } = config
    const before = { inFeatures: dim, outFeatures: dim, activation: 'relu' as const }
    const classifier = { inFeatures: dim, outFeatures: numLabels }
    super(
      weights,
      distilBertEncoder(weights.base('distilbert'), config),
      new FirstToken(
        firstTokenStep('pooler', weights.scope('pre_classifier'), before),
        firstTokenStep('logits', weights.scope('classifier'), classifier),
      ),
    )
    this.config = config
  }

  static readonly build: Build<DistilBertForSequenceClassification> = (json, weights) =>
    new DistilBertForSequenceClassification(distilBertConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(
    location: FolderLike,
    options?: FromPretrainedOptions,
  ): Promise<DistilBertForSequenceClassification> {
    return loadModel(location, DistilBertForSequenceClassification.build, options)
  }
}

/** A DistilBERT that points at the answer to a question: two logits for every token. */
export class DistilBertForQuestionAnswering extends EncoderForQuestionAnswering {
  readonly config: DistilBertConfig

  constructor(config: DistilBertConfig, weights: Weights) {
    super(weights, distilBertEncoder(weights.base('distilbert'), config), config, config.dim)
    this.config = config
  }

  static readonly build: Build<DistilBertForQuestionAnswering> = (json, weights) =>
    new DistilBertForQuestionAnswering(distilBertConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(
    location: FolderLike,
    options?: FromPretrainedOptions,
  ): Promise<DistilBertForQuestionAnswering> {
    return loadModel(location, DistilBertForQuestionAnswering.build, options)
  }
}
