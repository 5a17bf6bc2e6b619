/**
 * RoBERTa: BERT trained longer and on more, without the next-sentence task. Its layers are BERT's. Positions count the tokens that
 * are not padding, from the padding id + 1 on (the first token has position 2), and there is one segment. Its texts are split by
 * byte-level BPE. Liu et al. 2019, https://arxiv.org/abs/1907.11692.
 *
 *   const model = await RobertaModel.fromPretrained('./roberta-base')
 *   const { lastHiddenState } = await model.forward({ inputIds: [[0, 31414, 2]] })   // [1, 3, 768]
 */
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import type { Weights } from '../layers/index.js'
import { bertEncoder, bertFields, type BertConfig } from './bert.js'
import type { Encoder } from './encoder.js'
import { EncoderForSequenceClassification, EncoderModel, type EncoderModelOptions } from './encoder-model.js'
import { denseClassifier, pooler } from './first-token.js'
import { loadModel, requireFamily, type Build, type FromPretrainedOptions } from './model.js'
import { EncoderForQuestionAnswering } from './question-answering.js'

/** config.json of a RoBERTa, in camelCase. */
export type RobertaConfig = BertConfig

/** @throws ConfigError for a missing or unsupported field */
export function robertaConfig(json: JsonObject): RobertaConfig {
  requireFamily(json, 'roberta', 'xlm-roberta')
  return { ...bertFields(json), padTokenId: json.integer('pad_token_id', { min: 0, fallback: 1 }) }
}

function robertaEncoder(weights: Weights, config: RobertaConfig): Encoder {
  return bertEncoder(weights, config, config.padTokenId)
}

export class RobertaModel extends EncoderModel {
  readonly config: RobertaConfig

  constructor(config: RobertaConfig, weights: Weights, options: Pick<EncoderModelOptions, 'addPoolingLayer'> = {}) {
    const base = weights.base('roberta')
    super(weights, robertaEncoder(base, config), pooler(base, config.hiddenSize, options.addPoolingLayer))
    this.config = config
    weights.ignore(/^lm_head\./, /^classifier\./, /^qa_outputs\./)
  }

  static readonly build: Build<RobertaModel> = (json, weights) => new RobertaModel(robertaConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options: EncoderModelOptions = {}): Promise<RobertaModel> {
    return loadModel(location, (json, weights) => new RobertaModel(robertaConfig(json), weights, options), options)
  }
}

/** A RoBERTa that judges a text or a pair of texts: two linear layers on the first token's state, tanh between them. */
export class RobertaForSequenceClassification extends EncoderForSequenceClassification {
  readonly config: RobertaConfig

  constructor(config: RobertaConfig, weights: Weights) {
    const base = weights.base('roberta')
    super(weights, robertaEncoder(base, config), denseClassifier(weights, config))
    this.config = config
    base.ignore(/^pooler\./)
  }

  static readonly build: Build<RobertaForSequenceClassification> = (json, weights) =>
    new RobertaForSequenceClassification(robertaConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(
    location: FolderLike,
    options?: FromPretrainedOptions,
  ): Promise<RobertaForSequenceClassification> {
    return loadModel(location, RobertaForSequenceClassification.build, options)
  }
}

/** A RoBERTa that points at the answer to a question: two logits for every token, no pooling layer. */
export class RobertaForQuestionAnswering extends EncoderForQuestionAnswering {
  readonly config: RobertaConfig

  constructor(config: RobertaConfig, weights: Weights) {
    const base = weights.base('roberta')
    super(weights, robertaEncoder(base, config), config, config.hiddenSize)
    this.config = config
    base.ignore(/^pooler\./)
  }

  static readonly build: Build<RobertaForQuestionAnswering> = (json, weights) =>
    new RobertaForQuestionAnswering(robertaConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<RobertaForQuestionAnswering> {
    return loadModel(location, RobertaForQuestionAnswering.build, options)
  }
}
