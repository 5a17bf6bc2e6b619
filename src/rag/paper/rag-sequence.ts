/**
 * RAG-Sequence: one passage stands behind a whole answer, so answers are written for each passage alone and then compared by
 * their likelihood under all: p(y|x) = Σ_z p(z|x) p(y|x,z).
 */
import { InputError } from '../../errors.js'
import { checkpoint } from '../../event-loop.js'
import type { FolderLike } from '../../files/folder.js'
import type { GenerateOutput } from '../../generation/index.js'
import type { GenerativeOptions } from '../../models/index.js'
import type { Encoded } from '../../models/index.js'
import { toIds, type IdsLike } from '../../models/inputs.js'
import { logSumExpRow, type Float, type Ids } from '../../tensor/ops/index.js'
import { Tensor } from '../../tensor/tensor.js'
import type { RetrievedPassage } from '../finding/retriever.js'
import { docLogProbs, sequenceLoss, shiftLeft } from './rag-loss.js'
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

export interface RagSequenceInputs extends RagInputs {
  /** What the decoder reads and, one place to the left, should write. Padding counts nothing. [questions, target] */
  readonly labels?: IdsLike
}

export interface RagSequenceOptions extends RagRunOptions {
  readonly excludeBosScore?: boolean
  readonly reduceLoss?: boolean
}

export interface RagSequenceOutput extends RagOutput {
  /** -ln p(y|x) of each question, or the sum with reduceLoss; with labels. [questions] or [] */
  readonly loss: Float | undefined
}

export interface NllOptions {
  /** Label smoothing. */
  readonly epsilon?: number
  readonly reduceLoss?: boolean
  /** Leave out the first target, where it is the BOS token in every row. */
  readonly excludeBosScore?: boolean
}

export interface RagSequenceGenerateOptions extends GenerativeOptions {
  readonly nDocs?: number
  /** Score candidates that are equal once; if not, the same answer may be returned twice. */
  readonly doDeduplication?: boolean
  /**
   * How a candidate is scored (section 2.5 of the paper). `thorough`, the default and what transformers does: by a further forward pass,
   * under every passage. `fast`: only under the passages whose own search found it, with p(y|x,z) = 0 for the others.
   */
  readonly decoding?: 'thorough' | 'fast'
}

export interface RagSequenceGenerateOutput {
  /** The best answers of each question, best first, with the start token, filled with padding. [questions * numReturnSequences][length] */
  readonly sequences: readonly (readonly number[])[]
  /** -ln p(y|x) by which they were ranked, without the BOS token. [questions * numReturnSequences] */
  readonly nll: readonly number[]
  /** What the retriever found. [questions][nDocs] */
  readonly passages: readonly (readonly RetrievedPassage[])[] | undefined
}

/** An answer that was found, and -ln p(y|x) to rank it by. */
interface Candidate {
  readonly sequence: readonly number[]
  readonly nll: number
}

export class RagSequenceForGeneration extends RagModel {
  /** Loads a Hugging Face folder. */
  static override fromPretrained(
    location: FolderLike,
    options?: RagFromPretrainedOptions,
  ): Promise<RagSequenceForGeneration> {
    return loadRag(RagSequenceForGeneration, location, options)
  }

  override async forward(inputs: RagSequenceInputs, options: RagSequenceOptions = {}): Promise<RagSequenceOutput> {
    const { excludeBosScore = this.config.excludeBosScore, reduceLoss = this.config.reduceLoss, ...run } = options
    const decoderInputIds = inputs.decoderInputIds ?? inputs.labels
    const output = await super.forward({ ...inputs, decoderInputIds }, run)
    if (!inputs.labels) return { ...output, loss: undefined }
    // transformers scores what the decoder read, also where the labels are others.
    const epsilon = this.config.labelSmoothing
    const loss = this.getNll(output.logits, output.docScores, decoderInputIds!, {
      epsilon,
      excludeBosScore,
      reduceLoss,
    })
    return { ...output, loss }
  }

  /**
   * -ln p(y|x). See rag-loss.ts for what is followed and where the paper differs.
   * @param logits [questions * nDocs, target, vocabulary]
   * @param docScores [questions, nDocs]
   * @param target what the decoder read, [questions, target]
   */
  getNll(logits: Float, docScores: Float, target: IdsLike, options: NllOptions = {}): Float {
    const { epsilon, reduceLoss = false, excludeBosScore = false } = options
    const { padTokenId } = this.config
    const labels = rowsOf(toIds('target', target))
    const skipFirst = excludeBosScore && this.#allBeginWithBos(labels)
    const losses = docLogProbs(docScores).map((docLogProbs, question) =>
      sequenceLoss(
        { logits: ofQuestion(logits, question, docLogProbs.length), docLogProbs, labels: labels[question] },
        { padTokenId, epsilon, skipFirst },
      ),
    )
    return reduceLoss ? Tensor.float32([losses.reduce((sum, loss) => sum + loss, 0)], []) : Tensor.float32(losses)
  }

  /**
   * Writes answers with each passage (`numBeams` for each), and ranks all of them by their likelihood under all passages.
   * As in transformers, `context_attention_mask` counts for the likelihood, and while answers are written, padding is known by its id.
   * @throws InputError when there are fewer candidates than numReturnSequences
   */
  async generate(inputs: RagInputs, options: RagSequenceGenerateOptions = {}): Promise<RagSequenceGenerateOutput> {
    const { nDocs, doDeduplication = this.config.doDeduplication, decoding = 'thorough', ...rest } = options
    if (decoding !== 'thorough' && decoding !== 'fast') {
      throw new InputError('bad-option', `generate: decoding is "${String(decoding)}", expected thorough or fast`)
    }
    const file = this.generationConfig.options
    const { numReturnSequences = file.numReturnSequences ?? 1, numBeams = file.numBeams ?? 1, ...search } = rest
    const { signal } = search
    const found = await this.contexts(inputs, { nDocs, signal })
    const best: Candidate[] = []
    for (const [question, priors] of docLogProbs(found.docScores).entries()) {
      await checkpoint(signal, 'the generation')
      const ids = ofQuestion(found.contextInputIds, question, found.nDocs) // [nDocs, seq]
      const mask = ofQuestion(found.contextAttentionMask, question, found.nDocs)
      const encoded = await this.generator.encode({ inputIds: ids, attentionMask: this.#maskByPadding(ids) }, search)
      const written = await this.generator.generateFrom(encoded, { ...search, numBeams, numReturnSequences: numBeams })
      const candidates =
        decoding === 'fast'
          ? rankBySearch(written, priors, numBeams)
          : await this.#rankThoroughly(written, priors, { ids, mask, encoded, doDeduplication, signal })
      if (candidates.length < numReturnSequences) {
        throw new InputError(
          'too-few-candidates',
          `generate: ${candidates.length} different answers were found, numReturnSequences is ${numReturnSequences}; use more beams`,
        )
      }
      best.push(...candidates.sort((a, b) => a.nll - b.nll).slice(0, numReturnSequences))
    }
    const longest = Math.max(...best.map(({ sequence }) => sequence.length))
    return {
      sequences: best.map(({ sequence }) => [
        ...sequence,
        ...new Array<number>(longest - sequence.length).fill(this.config.padTokenId),
      ]),
      nll: best.map(({ nll }) => nll),
      passages: found.passages,
    }
  }

  /** Scores every candidate under every passage, one candidate at a time: the logits of all would take much memory. */
  async #rankThoroughly(
    { sequences }: GenerateOutput,
    priors: readonly number[],
    {
      ids,
      mask,
      encoded,
      doDeduplication,
      signal,
    }: {
      readonly ids: Ids
      readonly mask: Ids
      readonly encoded: Encoded
      readonly doDeduplication: boolean
      readonly signal?: AbortSignal
    },
  ): Promise<Candidate[]> {
    const different = doDeduplication ? [...new Map(sequences.map((one) => [String(one), one])).values()] : sequences
    const sameMask = String(rowsOf(mask)) === String(rowsOf(this.#maskByPadding(ids)))
    const source = sameMask ? encoded : await this.generator.encode({ inputIds: ids, attentionMask: mask }, { signal })
    const { padTokenId } = this.config
    const skipFirst = this.#allBeginWithBos(different)
    const candidates: Candidate[] = []
    for (const sequence of different) {
      await checkpoint(signal, 'the generation')
      const rows = priors.map(() => sequence)
      const logits = await this.generator.decode(source, rows, { signal }) // [nDocs, length, vocabulary]
      const nll = sequenceLoss({ logits, docLogProbs: priors, labels: sequence }, { padTokenId, skipFirst })
      candidates.push({ sequence, nll })
    }
    return candidates
  }

  #allBeginWithBos(labels: readonly (readonly number[])[]): boolean {
    const { bosTokenId, padTokenId } = this.config
    return bosTokenId !== undefined && labels.every((row) => shiftLeft(row, padTokenId)[0] === bosTokenId)
  }

  #maskByPadding(ids: Ids): Ids {
    const { padTokenId } = this.config
    return Tensor.int32(
      ids.toArray().map((id) => (id === padTokenId ? 0 : 1)),
      ids.shape,
    )
  }
}

/** Fast decoding: what the searches themselves found, summed over the passages that found the same. */
function rankBySearch(
  { sequences, logProbs }: GenerateOutput,
  priors: readonly number[],
  numBeams: number,
): Candidate[] {
  const found = new Map<string, { readonly sequence: readonly number[]; readonly joint: number[] }>()
  for (const [index, sequence] of sequences.entries()) {
    const key = String(sequence)
    const entry = found.get(key) ?? { sequence, joint: [] }
    entry.joint.push(priors[Math.floor(index / numBeams)] + logProbs[index].reduce((sum, one) => sum + one, 0))
    found.set(key, entry)
  }
  return [...found.values()].map(({ sequence, joint }) => ({ sequence, nll: -logSumExpRow(joint) }))
}
