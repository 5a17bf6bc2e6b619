/**
 * RagModel: a question encoder, a retriever and a generator in one (Lewis et al. 2020, https://arxiv.org/abs/2005.11401), in the
 * layout of Hugging Face: one config.json and one state dict hold both models. Its forward pass reads every retrieved passage with the
 * generator; what makes one answer of them is in rag-sequence.ts and rag-token.ts.
 *
 * The question encoder's hook points are on `questionEncoder`, those of the model itself are the generator's.
 */
import { ConfigError, InputError, ShapeError } from '../../errors.js'
import type { FolderLike } from '../../files/folder.js'
import type { JsonObject } from '../../files/json.js'
import { generationConfig, type GenerationConfig } from '../../generation/index.js'
import type { Weights } from '../../layers/index.js'
import {
  DPRQuestionEncoder,
  familyOf,
  Model,
  type DPROutput,
  type FromPretrainedOptions,
  type RunOptions,
} from '../../models/index.js'
import { toIds, toMask, type IdsLike } from '../../models/inputs.js'
import { loadModel, type Build } from '../../models/model.js'
import type { Seq2SeqLM } from '../../models/seq2seq-lm.js'
import type { Float, Ids } from '../../tensor/ops/index.js'
import { showShape } from '../../tensor/shape.js'
import { Tensor } from '../../tensor/tensor.js'
import type { RetrievedPassage } from '../finding/retriever.js'
import { ragConfig, type RagConfig } from './rag-config.js'
import type { RagRetriever } from './rag-retriever.js'

/** A question, for a model with a retriever; or the contexts and scores that a retriever gave. */
export interface RagInputs {
  /** Questions for the question encoder, [questions, seq]. */
  readonly inputIds?: IdsLike
  readonly attentionMask?: IdsLike
  /** The generator's input for each question and passage, [questions * nDocs, seq]. */
  readonly contextInputIds?: IdsLike
  readonly contextAttentionMask?: IdsLike
  /** Dot products of question and passage, [questions, nDocs]. */
  readonly docScores?: Float | readonly (readonly number[])[]
  /** What the decoder reads, [questions, target]; by default the labels, unshifted. */
  readonly decoderInputIds?: IdsLike
  readonly decoderAttentionMask?: IdsLike
}

export interface RagRunOptions extends RunOptions {
  /** Passages for each question; by default what config.json says. */
  readonly nDocs?: number
}

/** What a question is answered from. */
export interface Contexts {
  /** [questions * nDocs, seq] */
  readonly contextInputIds: Ids
  readonly contextAttentionMask: Ids
  /** [questions, nDocs] */
  readonly docScores: Float
  readonly nDocs: number
  /** What the retriever found, [questions][nDocs]; undefined where the caller gave the contexts. */
  readonly passages: readonly (readonly RetrievedPassage[])[] | undefined
  readonly question: DPROutput | undefined
}

export interface RagOutput {
  /** Of every passage alone, [questions * nDocs, target, vocabulary]. */
  readonly logits: Float
  /** [questions, nDocs] */
  readonly docScores: Float
  readonly contexts: Contexts
  readonly generatorEncLastHiddenState: Float
  readonly generatorEncHiddenStates: readonly Float[] | undefined
  readonly generatorEncAttentions: readonly Float[] | undefined
  readonly generatorDecHiddenStates: readonly Float[] | undefined
  readonly generatorDecAttentions: readonly Float[] | undefined
  readonly generatorCrossAttentions: readonly Float[] | undefined
}

export interface RagFromPretrainedOptions extends FromPretrainedOptions {
  readonly retriever?: RagRetriever
}

/** How one of the classes is made. */
export type RagClass<M extends RagModel> = new (config: JsonObject, weights: Weights, generation: GenerationConfig) => M

export class RagModel extends Model {
  readonly config: RagConfig
  /** Of the RAG itself; the generator has its own. */
  readonly generationConfig: GenerationConfig
  readonly questionEncoder: DPRQuestionEncoder
  readonly generator: Seq2SeqLM
  retriever: RagRetriever | undefined

  constructor(json: JsonObject, weights: Weights, generation: GenerationConfig) {
    super(weights)
    this.config = ragConfig(json)
    this.generationConfig = generation
    const base = weights.base('rag')
    this.questionEncoder = DPRQuestionEncoder.build(
      json.object('question_encoder'),
      base.within('question_encoder'),
      generation,
    )
    this.generator = buildGenerator(json.object('generator'), base.within('generator'))
    base.ignore(/^ctx_encoder\./) // only training needs it
  }

  /** Loads a Hugging Face folder. See {@link loadModel} for the errors. */
  static fromPretrained(location: FolderLike, options?: RagFromPretrainedOptions): Promise<RagModel> {
    return loadRag(RagModel, location, options)
  }

  override hookPoints(): ReturnType<Model['hookPoints']> {
    return this.generator.hookPoints()
  }

  /** Reads every passage and gives the logits of each alone. */
  async forward(inputs: RagInputs, options: RagRunOptions = {}): Promise<RagOutput> {
    const { decoderInputIds, decoderAttentionMask } = inputs
    if (!decoderInputIds) throw new InputError('missing-input', 'RAG: forward needs decoderInputIds or labels')
    const contexts = await this.contexts(inputs, options)
    const { nDocs } = contexts
    const target = toIds('decoderInputIds', decoderInputIds)
    const mask = decoderAttentionMask && toMask('decoderAttentionMask', decoderAttentionMask, target)
    const output = await this.generator.forward(
      {
        inputIds: contexts.contextInputIds,
        attentionMask: contexts.contextAttentionMask,
        decoderInputIds: repeatRows(target, nDocs),
        decoderAttentionMask: mask && repeatRows(mask, nDocs),
      },
      options,
    )
    return {
      logits: output.logits,
      docScores: contexts.docScores,
      contexts,
      generatorEncLastHiddenState: output.encoderLastHiddenState,
      generatorEncHiddenStates: output.encoderHiddenStates,
      generatorEncAttentions: output.encoderAttentions,
      generatorDecHiddenStates: output.decoderHiddenStates,
      generatorDecAttentions: output.decoderAttentions,
      generatorCrossAttentions: output.crossAttentions,
    }
  }

  /** The caller's contexts, or those that the retriever finds. */
  async contexts(inputs: RagInputs, { nDocs = this.config.nDocs, signal }: RagRunOptions = {}): Promise<Contexts> {
    const { inputIds, attentionMask } = inputs
    if (inputs.contextInputIds) return this.#given(inputs, nDocs)
    if (!inputIds || !this.retriever) {
      throw new InputError(
        'missing-input',
        'RAG: pass inputIds to a model with a retriever, or contextInputIds, contextAttentionMask and docScores',
      )
    }
    const question = await this.questionEncoder.forward({ inputIds, attentionMask }, { signal })
    const found = await this.retriever.retrieve(inputIds, question.poolerOutput, { nDocs })
    return { ...this.#given({ ...found }, nDocs), passages: found.passages, question }
  }

  #given({ contextInputIds, contextAttentionMask, docScores }: RagInputs, nDocs: number): Contexts {
    const ids = toIds('contextInputIds', contextInputIds!)
    if (!docScores) throw new InputError('missing-input', 'RAG: contextInputIds need docScores')
    const scores = docScores instanceof Tensor ? docScores : Tensor.float32(docScores.flat(), [docScores.length, nDocs])
    if (scores.rank !== 2 || scores.shape[1] !== nDocs || scores.shape[0] * nDocs !== ids.shape[0]) {
      throw new ShapeError(
        'RAG',
        `docScores ${showShape(scores.shape)} and contextInputIds ${showShape(ids.shape)} do not fit ${nDocs} passages for each question`,
      )
    }
    return {
      contextInputIds: ids,
      contextAttentionMask: toMask('contextAttentionMask', contextAttentionMask, ids),
      docScores: scores,
      nDocs,
      passages: undefined,
      question: undefined,
    }
  }
}

/** Loads a RAG folder as one of the classes. */
export async function loadRag<M extends RagModel>(
  RagClass: RagClass<M>,
  location: FolderLike,
  { retriever, ...options }: RagFromPretrainedOptions = {},
): Promise<M> {
  const build: Build<M> = (json, weights, generation) => new RagClass(json, weights, generation)
  const model = await loadModel(location, build, options)
  model.retriever = retriever
  return model
}

function buildGenerator(json: JsonObject, weights: Weights): Seq2SeqLM {
  const [build] = Object.values(familyOf(json).seq2seqLM ?? {})
  if (build) return build(json, weights, generationConfig(json, undefined))
  throw new ConfigError(
    'unknown-class',
    `${json.where}: a generator is an encoder-decoder, "${json.string('model_type')}" is not`,
  )
}

/** Each row `times` times: [rows, n] -> [rows * times, n]. */
function repeatRows(ids: Ids, times: number): Ids {
  const [rows, width] = ids.shape
  return ids
    .reshape([rows, 1, width])
    .broadcastTo([rows, times, width])
    .reshape([rows * times, width])
}

/** Rows of ids as numbers. */
export function rowsOf(ids: Ids): number[][] {
  return Array.from({ length: ids.shape[0] }, (_, row) => ids.select(0, row).toArray())
}

/** The rows of a tensor that belong to one question. */
export function ofQuestion<T extends Float | Ids>(tensor: T, question: number, nDocs: number): T {
  return tensor.slice(0, question * nDocs, (question + 1) * nDocs) as T
}
