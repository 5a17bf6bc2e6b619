/**
 * DPR: two BERTs, one for questions and one for passages, trained so that a question's vector has its largest dot product with
 * the passage that answers it: RAG's retriever. The vector is the first token's state as it is, or a projection of it where the
 * config asks for one; there is no pooling layer. Karpukhin et al. 2020, https://arxiv.org/abs/2004.04906.
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
import { EncoderModel, type EncoderOutput } from './encoder-model.js'
import { FirstToken, firstTokenStep } from './first-token.js'
import { loadModel, requireFamily, type Build, type FromPretrainedOptions } from './model.js'

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
