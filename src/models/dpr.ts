/**
 * DPR: two BERTs, one for questions and one for passages, trained so that a question's vector has its largest dot product with
 * the passage that answers it: RAG's retriever. The vector is the first token's state as it is, or a projection of it where the
 * config asks for one; there is no pooling layer. A third BERT, the reader, takes question and passage together: it points at the answer,
 * and says how likely the passage is to have one. Karpukhin et al. 2020, https://arxiv.org/abs/2004.04906.
 *
 *   const model = await DPRQuestionEncoder.fromPretrained('./dpr-question_encoder-single-nq-base')
 *   const { poolerOutput } = await model.forward({ inputIds: [[101, 2040, 102]] })   // [1, 768]
 */
import type { FolderLike } from '../files/folder.js'
import type { JsonObject } from '../files/json.js'
import type { Weights } from '../layers/index.js'
import type { Float, Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { bertEncoder, bertFields, type BertConfig } from './bert.js'
import { EncoderBase, EncoderModel, type EncoderInputs, type EncoderOutput } from './encoder-model.js'
import { FirstToken, firstTokenStep } from './first-token.js'
import { loadModel, requireFamily, type Build, type FromPretrainedOptions, type RunOptions } from './model.js'
import { SpanHead, splitSpan, type SpanOutput } from './question-answering.js'

/** config.json of a DPR encoder, in camelCase. */
export interface DPRConfig extends BertConfig {
  /** Size of the vector; 0 leaves the first token's state as it is. */
  readonly projectionDim: number
}

/** @throws ConfigError for a missing or unsupported field */
export function dprConfig(json: JsonObject): DPRConfig {
  requireFamily(json, 'dpr')
  return { ...bertFields(json), projectionDim: json.integer('projection_dim', { min: 0, fallback: 0 }) }
}

export interface DPROutput extends EncoderOutput {
  /** The text's vector, [batch, projectionDim or hiddenSize]. */
  readonly poolerOutput: Float
}

/** @param name of the encoder in the file: a question's and a passage's differ in nothing else */
abstract class DPREncoder extends EncoderModel {
  readonly config: DPRConfig

  constructor(config: DPRConfig, weights: Weights, name: 'question_encoder' | 'ctx_encoder') {
    const { hiddenSize, projectionDim } = config
    const root = weights.base(name)
    const base = root.within('bert_model')
    const projection = { inFeatures: hiddenSize, outFeatures: projectionDim }
    const steps = projectionDim > 0 ? [firstTokenStep('pooler', root.scope('encode_proj'), projection)] : []
    super(weights, bertEncoder(base, config), new FirstToken(...steps))
    this.config = config
    base.ignore(/^pooler\./) // BERT's own, which the first releases still have
  }

  override async forward(...args: Parameters<EncoderModel['forward']>): Promise<DPROutput> {
    const { poolerOutput, ...output } = await super.forward(...args)
    return { ...output, poolerOutput: poolerOutput! }
  }

  /** Padding is known by its id. */
  protected override defaultMask(inputIds: Ids): Ids {
    const mask = inputIds.toArray().map((id) => (id === this.config.padTokenId ? 0 : 1))
    return Tensor.int32(mask, inputIds.shape)
  }
}

/** The encoder of questions. */
export class DPRQuestionEncoder extends DPREncoder {
  constructor(config: DPRConfig, weights: Weights) {
    super(config, weights, 'question_encoder')
  }

  static readonly build: Build<DPRQuestionEncoder> = (json, weights) => new DPRQuestionEncoder(dprConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<DPRQuestionEncoder> {
    return loadModel(location, DPRQuestionEncoder.build, options)
  }
}

/** The encoder of passages. */
export class DPRContextEncoder extends DPREncoder {
  constructor(config: DPRConfig, weights: Weights) {
    super(config, weights, 'ctx_encoder')
  }

  static readonly build: Build<DPRContextEncoder> = (json, weights) => new DPRContextEncoder(dprConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<DPRContextEncoder> {
    return loadModel(location, DPRContextEncoder.build, options)
  }
}

/** One row for each passage: `[CLS] question [SEP] title [SEP] text`. There are no segments. */
export type DPRReaderInputs = Pick<EncoderInputs, 'inputIds' | 'attentionMask'>

export interface DPRReaderOutput extends SpanOutput {
  /** How likely each passage is to hold the answer, to be compared with the question's other passages, before softmax; [batch] */
  readonly relevanceLogits: Float
}

/**
 * The reader: where in a passage the answer begins and ends, and in which of the passages it stands. Karpukhin et al. 2020,
 * section 6.1.
 */
export class DPRReader extends EncoderBase {
  readonly config: DPRConfig

  constructor(config: DPRConfig, weights: Weights) {
    const { hiddenSize } = config
    const root = weights.base('span_predictor')
    const encoder = root.within('encoder')
    const base = encoder.within('bert_model')
    const classifier = { inFeatures: hiddenSize, outFeatures: 1 }
    super(
      weights,
      bertEncoder(base, config),
      new SpanHead(root, hiddenSize),
      new FirstToken(firstTokenStep('relevance', root.scope('qa_classifier'), classifier)),
    )
    this.config = config
    base.ignore(/^pooler\./) // BERT's own, which the first releases still have
    encoder.ignore(/^encode_proj\./) // made where the config asks for a projection, and not used
  }

  /** A token counts unless the mask says otherwise, padding too. @throws InputError when a text is longer than the model's positions */
  async forward({ inputIds, attentionMask }: DPRReaderInputs, options: RunOptions = {}): Promise<DPRReaderOutput> {
    const {
      read: [logits, relevance],
      hiddenStates,
      attentions,
    } = await this.encode({ inputIds, attentionMask }, options)
    return { ...splitSpan(logits), relevanceLogits: relevance.select(1, 0), hiddenStates, attentions }
  }

  static readonly build: Build<DPRReader> = (json, weights) => new DPRReader(dprConfig(json), weights)

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<DPRReader> {
    return loadModel(location, DPRReader.build, options)
  }
}
