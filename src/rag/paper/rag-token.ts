/**
 * RAG-Token: each token may come from another passage. At every step the distributions of all passages are mixed,
 * p(y_t|x, y_<t) = Σ_z p(z|x) p(y_t|x, z, y_<t), and one search runs on the mixture.
 */
import type { FolderLike } from '../../files/folder.js'
import type { Decoder, Decoding, GenerateOutput, GenerationStep } from '../../generation/index.js'
import { generateWith, streamWith, type StartOptions } from '../../models/generative.js'
import type { GenerativeOptions } from '../../models/index.js'
import { toIds, type IdsLike } from '../../models/inputs.js'
import { output, rowMajor } from '../../tensor/ops/float.js'
import type { Float } from '../../tensor/ops/index.js'
import { Tensor } from '../../tensor/tensor.js'
import { docLogProbs, mix, tokenLoss } from './rag-loss.js'
import {
  loadRag,
  ofQuestion,
  RagModel,
  rowsOf,
  type RagFromPretrainedOptions,
  type RagInputs,
  type RagOutput,
  type RagRunOptions,
} from './rag-model.js'
import type { NllOptions } from './rag-sequence.js'

export interface RagTokenInputs extends RagInputs {
  /** What the decoder reads and, one place to the left, should write. Padding counts nothing. [questions, target] */
  readonly labels?: IdsLike
}

export interface RagTokenOptions extends RagRunOptions {
  /** Give log-probabilities under the mixture as `logits`: [questions, target, vocabulary]. */
  readonly doMarginalize?: boolean
  readonly reduceLoss?: boolean
}

export interface RagTokenOutput extends RagOutput {
  /** -ln p(y|x) of each question, or the sum with reduceLoss; with labels. [questions] or [] */
  readonly loss: Float | undefined
}

export interface RagTokenGenerateOptions extends GenerativeOptions {
  readonly nDocs?: number
}

/** Where neither caller nor file says more: transformers' default for RAG-Token, with the start token. */
const MAX_LENGTH = 20

export class RagTokenForGeneration extends RagModel {
  /** Loads a Hugging Face folder. */
  static override fromPretrained(
    location: FolderLike,
    options?: RagFromPretrainedOptions,
  ): Promise<RagTokenForGeneration> {
    return loadRag(RagTokenForGeneration, location, options)
  }

  override async forward(inputs: RagTokenInputs, options: RagTokenOptions = {}): Promise<RagTokenOutput> {
    const { doMarginalize = this.config.doMarginalize, reduceLoss = this.config.reduceLoss, ...run } = options
    const { labels } = inputs
    const read = await super.forward({ ...inputs, decoderInputIds: inputs.decoderInputIds ?? labels }, run)
    const { logits, docScores } = read
    const epsilon = this.config.labelSmoothing
    const loss = labels && this.getNll(logits, docScores, labels, { epsilon, reduceLoss })
    return { ...read, logits: doMarginalize ? this.marginalize(logits, docScores) : logits, loss }
  }

  /** ln Σ_z p(z|x) p(y_t|x, z, y_<t): [questions * nDocs, target, vocabulary] -> [questions, target, vocabulary]. */
  marginalize(logits: Float, docScores: Float): Float {
    const [questions, nDocs] = docScores.shape
    const [, target, vocabulary] = logits.shape
    const { tensor, data } = output([questions, target, vocabulary])
    for (const [question, priors] of docLogProbs(docScores).entries()) {
      data.set(rowMajor(mix(ofQuestion(logits, question, nDocs), priors)), question * target * vocabulary)
    }
    return tensor
  }

  /**
   * -ln p(y|x).
   * @param logits [questions * nDocs, target, vocabulary]
   * @param docScores [questions, nDocs]
   * @param target the labels, [questions, target]
   */
  getNll(
    logits: Float,
    docScores: Float,
    target: IdsLike,
    { epsilon, reduceLoss = false }: Omit<NllOptions, 'excludeBosScore'> = {},
  ): Float {
    const { padTokenId } = this.config
    const labels = rowsOf(toIds('target', target))
    const losses = docLogProbs(docScores).map((docLogProbs, question) =>
      tokenLoss(
        { logits: ofQuestion(logits, question, docLogProbs.length), docLogProbs, labels: labels[question] },
        { padTokenId, epsilon },
      ),
    )
    return reduceLoss ? Tensor.float32([losses.reduce((sum, loss) => sum + loss, 0)], []) : Tensor.float32(losses)
  }

  /**
   * One answer from all passages. transformers does not look at max_new_tokens here; this does.
   * @throws InputError for an option that is unknown or not supported; AbortedError
   */
  generate(inputs: RagInputs, { nDocs, ...options }: RagTokenGenerateOptions = {}): Promise<GenerateOutput> {
    const start = (with_: StartOptions) => this.#startDecoding(inputs, nDocs, with_)
    return generateWith(start, this.generationConfig, this.#limited(options))
  }

  /** The steps of {@link generate}, one by one as they are decided. @throws InputError also for a beam search */
  stream(
    inputs: RagInputs,
    { nDocs, ...options }: RagTokenGenerateOptions = {},
  ): AsyncGenerator<GenerationStep, void, void> {
    const start = (with_: StartOptions) => this.#startDecoding(inputs, nDocs, with_)
    return streamWith(start, this.generationConfig, this.#limited(options))
  }

  #limited(options: GenerativeOptions): GenerativeOptions {
    const file = this.generationConfig.options
    const isLimited = [options, file].some((one) => one.maxLength !== undefined || one.maxNewTokens !== undefined)
    return isLimited ? options : { ...options, maxLength: MAX_LENGTH }
  }

  async #startDecoding(inputs: RagInputs, nDocs: number | undefined, options: StartOptions): Promise<Decoding> {
    const contexts = await this.contexts(inputs, { nDocs, signal: options.signal })
    const source = { inputIds: contexts.contextInputIds, attentionMask: contexts.contextAttentionMask }
    const encoded = await this.generator.encode(source, options)
    const { decoder } = this.generator.startDecodingFrom(encoded, options)
    const priors = docLogProbs(contexts.docScores)
    const texts = rowsOf(contexts.contextInputIds)
    return {
      decoder: mixture(decoder, priors),
      prompt: priors.map(() => [this.generationConfig.decoderStartTokenId]),
      source: priors.map((row, question) => row.flatMap((_, z) => texts[question * row.length + z])),
    }
  }
}

/**
 * A decoder over questions from one over their passages. A row of it, one beam of a question, is a row for each passage inside; the
 * inner rows are ordered by question, passage, beam, since the beams of a passage share its source.
 * @param priors ln p(z|x), [questions][passages]
 */
export function mixture(decoder: Decoder, priors: readonly (readonly number[])[]): Decoder {
  let beams = 1
  /** What a function of question, passage and beam gives, in the order of the inner rows. */
  const inner = <T>(each: (question: number, beam: number) => T, count = beams): T[] =>
    priors.flatMap((row, question) =>
      row.flatMap(() => Array.from({ length: count }, (_, beam) => each(question, beam))),
    )
  return {
    next: async (tokens) => {
      const logits = await decoder.next(inner((question, beam) => tokens[question * beams + beam])) // [inner rows, vocabulary]
      const vocabulary = logits.shape[1]
      const { tensor, data } = output([priors.length * beams, vocabulary])
      let first = 0
      for (const [question, row] of priors.entries()) {
        // [passages * beams, vocabulary] is [passages, beams, vocabulary]: beams stand where mix() has positions.
        const size = row.length * beams
        const ofThis = logits.slice(0, first, first + size).reshape([row.length, beams, vocabulary])
        data.set(rowMajor(mix(ofThis, row)), question * beams * vocabulary)
        first += size
      }
      return tensor
    },
    reorder: (parents) => {
      const before = beams
      beams = parents.length / priors.length
      const parentOf = (question: number, beam: number) => parents[question * beams + beam] - question * before
      const starts: number[] = [] // first inner row of each question and passage
      priors.forEach((row) => row.forEach(() => starts.push(starts.length * before)))
      const groups = inner(parentOf)
      decoder.reorder(groups.map((parent, row) => starts[Math.floor(row / beams)] + parent))
    },
    dispose: () => decoder.dispose(),
  }
}
