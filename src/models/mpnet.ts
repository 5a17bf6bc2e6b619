/**
 * MPNet: BERT's layers, RoBERTa's positions, and T5's learned bias for each distance beside them; no segments. The sentence encoder
 * all-mpnet-base-v2 is one. Song et al. 2020, https://arxiv.org/abs/2004.09297.
 *
 *   const model = await MPNetModel.fromPretrained('./all-mpnet-base-v2')
 *   const { lastHiddenState } = await model.forward({ inputIds: [[0, 7592, 2]] })   // [1, 3, 768]
 */
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import type { Weights } from '../layers/index.js'
import { bertFields, type BertConfig } from './bert.js'
import { Encoder } from './encoder.js'
import { EncoderForSequenceClassification, EncoderModel, type EncoderModelOptions } from './encoder-model.js'
import { denseClassifier, pooler } from './first-token.js'
import { loadModel, requireFamily, type Build, type FromPretrainedOptions } from './model.js'
import { EncoderForQuestionAnswering } from './question-answering.js'

/** config.json of an MPNet, in camelCase. */
export interface MPNetConfig extends Omit<BertConfig, 'typeVocabSize'> {
  /** Rows of the table of distances. Only the first 32 are looked up: the buckets are always 32. */
  readonly relativeAttentionNumBuckets: number
}

/** @throws ConfigError for a missing or unsupported field */
export function mpnetConfig(json: JsonObject): MPNetConfig {
  requireFamily(json, 'mpnet')
  return {
    ...bertFields(json),
    padTokenId: json.integer('pad_token_id', { min: 0, fallback: 1 }),
    relativeAttentionNumBuckets: json.integer('relative_attention_num_buckets', { fallback: 32, min: 32 }),
  }
}

const NAMES = {
  layers: 'encoder.layer',
  selfAttention: {
    query: 'attention.attn.q',
    key: 'attention.attn.k',
    value: 'attention.attn.v',
    out: 'attention.attn.o',
    norm: 'attention.LayerNorm',
  },
  feedForward: { up: 'intermediate.dense', down: 'output.dense', norm: 'output.LayerNorm' },
}

function mpnetEncoder(weights: Weights, config: MPNetConfig): Encoder {
  return new Encoder(weights, {
    vocabSize: config.vocabSize,
    dimension: config.hiddenSize,
    numLayers: config.numHiddenLayers,
    numHeads: config.numAttentionHeads,
    hiddenDimension: config.intermediateSize,
    activation: config.hiddenAct,
    epsilon: config.layerNormEps,
    positions: config.maxPositionEmbeddings,
    positionsAfterPadding: config.padTokenId,
    tokenTypes: 0,
    relativeBias: { name: 'encoder.relative_attention_bias', rows: config.relativeAttentionNumBuckets },
    names: NAMES,
  })
}

export class MPNetModel extends EncoderModel {
  readonly config: MPNetConfig

  constructor(config: MPNetConfig, weights: Weights, options: Pick<EncoderModelOptions, 'addPoolingLayer'> = {}) {
    const base = weights.base('mpnet')
    super(weights, mpnetEncoder(base, config), pooler(base, config.hiddenSize, options.addPoolingLayer))
    this.config = config
    weights.ignore(/^lm_head\./, /^classifier\./, /^qa_outputs\./)
  }

  static readonly build: Build<MPNetModel> = (json, weights) => new MPNetModel(mpnetConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options: EncoderModelOptions = {}): Promise<MPNetModel> {
    return loadModel(location, (json, weights) => new MPNetModel(mpnetConfig(json), weights, options), options)
  }
}

/** An MPNet that judges a text or a pair of texts, with RoBERTa's classifier. */
export class MPNetForSequenceClassification extends EncoderForSequenceClassification {
  readonly config: MPNetConfig

  constructor(config: MPNetConfig, weights: Weights) {
    const base = weights.base('mpnet')
    super(weights, mpnetEncoder(base, config), denseClassifier(weights, config))
    this.config = config
    base.ignore(/^pooler\./)
  }

  static readonly build: Build<MPNetForSequenceClassification> = (json, weights) =>
    new MPNetForSequenceClassification(mpnetConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(
    location: FolderLike,
    options?: FromPretrainedOptions,
  ): Promise<MPNetForSequenceClassification> {
    return loadModel(location, MPNetForSequenceClassification.build, options)
  }
}

/** An MPNet that points at the answer to a question: two logits for every token, no pooling layer. */
export class MPNetForQuestionAnswering extends EncoderForQuestionAnswering {
  readonly config: MPNetConfig

  constructor(config: MPNetConfig, weights: Weights) {
    const base = weights.base('mpnet')
    super(weights, mpnetEncoder(base, config), config, config.hiddenSize)
    this.config = config
    base.ignore(/^pooler\./)
  }

  static readonly build: Build<MPNetForQuestionAnswering> = (json, weights) =>
    new MPNetForQuestionAnswering(mpnetConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<MPNetForQuestionAnswering> {
    return loadModel(location, MPNetForQuestionAnswering.build, options)
  }
}
