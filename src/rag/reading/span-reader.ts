/**
 * A reader that quotes: a span head (models/question-answering.ts) finds where in the passages the answer stands, or that none of them tells. All passages
 * are judged on one scale (span-search.ts), and what is shown is the sentence around the span (quote.ts), word for word.
 */
import { ConfigError, InputError } from '../../errors.js'
import { checkpoint } from '../../event-loop.js'
import type { FolderLike } from '../../files/folder.js'
import { openPretrained } from '../../hub/index.js'
import {
  AutoModelForQuestionAnswering,
  DPRReader,
  type EncoderForQuestionAnswering,
  type FromPretrainedOptions,
} from '../../models/index.js'
import { rowMajor } from '../../tensor/ops/float.js'
import { AutoTokenizer, type Tokenizer } from '../../tokenizer/index.js'
import type { HooksLike } from '../../trace/index.js'
import { ABSTENTION } from './answer.js'
import { answerSettings, Calibration, calibrationIn, checkProbability, storedCalibration } from './calibration.js'
import { withNeighbours } from './cut-quote.js'
import type { PassageReader, ReadingContext, WeighedPassage } from './passage-reader.js'
import { COMPARED_SPANS, QUOTE_SIGNALS, quoteSignals, rankQuotes, RANKING_SIGNALS } from './quote-ranking.js'
import { saysTheSame } from './says-the-same.js'
import type { QuotedSpan, SpanAnswer } from './span-answer.js'
import { searchSpans, type SpanSearch, type SpanWindow } from './span-search.js'
import { MOST_READ, roomBeside, windowsOf, type SpanInput, type TokenWindow } from './span-windows.js'

export interface SpanOptions {
  /** A quote that is right with less probability is not given; {@link SpanReader.minProbability} unless told. */
  readonly minProbability?: number
  /** How many spans the answer lists; 5 unless told. */
  readonly spans?: number
  /** Functions that read or replace tensors in every pass over the reader's model, by hook-point pattern. A row is a window of a passage. */
  readonly hooks?: HooksLike
}

export interface SpanReaderOptions extends FromPretrainedOptions {
  /** As {@link SpanReader.minProbability}. */
  readonly minProbability?: number
}

/** A window with the logits of its tokens. */
export type ReadWindow = TokenWindow & SpanWindow

const BY_SCORE = new Calibration(0, new Map([['score', 1]]))

/** Windows that are computed together. */
const BATCH = 8
/** Longer ones are read in several windows: what a pass costs grows with the square. */
const LONGEST_WINDOW = 384

export class SpanReader implements PassageReader<SpanOptions, SpanAnswer> {
  readonly model: EncoderForQuestionAnswering
  readonly tokenizer: Tokenizer
  /** The least probability of a quote that is given: in config.json `task_specific_params.rag.min_probability`; 0.5 where it is not there. */
  readonly minProbability: number
  /** Makes the probability of being right of what {@link quoteSignals} says, in config.json `task_specific_params.rag.calibration`. */
  readonly calibration: Calibration
  /** Orders the quotes by what {@link rankQuotes} says of them, in config.json `task_specific_params.rag.ranking`; by their spans' scores where it is not there. */
  readonly ranking: Calibration
  readonly optionNames = ['minProbability', 'spans', 'hooks'] satisfies (keyof SpanOptions)[]

  constructor(
    model: EncoderForQuestionAnswering,
    tokenizer: Tokenizer,
    {
      minProbability = 0.5,
      calibration = new Calibration(),
      ranking = BY_SCORE,
    }: { minProbability?: number; calibration?: Calibration; ranking?: Calibration } = {},
  ) {
    checkProbability('minProbability', minProbability)
    this.model = model
    this.tokenizer = tokenizer
    this.minProbability = minProbability
    this.calibration = calibration
    this.ranking = ranking
  }

  /**
   * Loads the folder of a question-answering model: BERT, DistilBERT, RoBERTa or MPNet with a span head, trained to point at [CLS] where the
   * passage does not answer (as with SQuAD 2).
   * @throws ConfigError for DPR's reader, which knows no "no answer"
   */
  static async fromPretrained(location: FolderLike, options: SpanReaderOptions = {}): Promise<SpanReader> {
    const { minProbability: given, ...loadOptions } = options
    checkProbability('minProbability', given ?? 0)
    const folder = await openPretrained(location, loadOptions)
    const settings = await answerSettings(folder)
    const { calibration, minProbability } = calibrationIn(settings, QUOTE_SIGNALS, 0.5)
    const ranking = settings.has('ranking') ? storedCalibration(settings.object('ranking'), RANKING_SIGNALS) : BY_SCORE
    const tokenizer = await AutoTokenizer.fromPretrained(folder, loadOptions)
    const model = await AutoModelForQuestionAnswering.fromPretrained(folder, loadOptions)
    if (model instanceof DPRReader) {
      model.dispose()
      throw new ConfigError(
        'no-abstention',
        `${folder.name}: DPR's reader has no score for "no answer"; use the model itself`,
      )
    }
    return new SpanReader(model, tokenizer, { minProbability: given ?? minProbability, calibration, ranking })
  }

  /** Gives back the model's memory. */
  dispose(): void {
    this.model.dispose()
  }

  checkOptions({ minProbability = 0, spans = 1 }: SpanOptions): void {
    checkProbability('ask: minProbability', minProbability)
    if (Number.isSafeInteger(spans) && spans >= 1) return
    throw new InputError('bad-option', `ask: spans is ${spans}, expected a whole number of 1 or more`)
  }

  /** @throws InputError for a question that leaves no room for a passage */
  checkQuestion(question: string): void {
    roomBeside(this.tokenizer, question, this.#maxLength)
  }

  /** Tokens of a window. */
  get #maxLength(): number {
    return Math.min(this.model.maxLength, LONGEST_WINDOW)
  }

  /**
   * Where the passages come from a store and the best quote is cut by the edge of its passage, that passage is read once more, together with
   * its neighbour.
   * @throws InputError for a question that leaves no room for a passage, AbortedError
   */
  async answer(
    question: string,
    passages: readonly WeighedPassage[],
    options: SpanOptions & ReadingContext = {},
  ): Promise<SpanAnswer> {
    const { hooks, findPassage, signal } = options
    const windows = await this.read(question, passages, { hooks, signal })
    const answer = this.answerFrom(windows, question, passages, options)
    const [best] = answer.spans as readonly (QuotedSpan | undefined)[]
    const longer = best && findPassage && (await withNeighbours(passages[best.passage], best, findPassage))
    if (!longer) return answer
    const { text, source, neighbours } = longer
    const whole = { ...passages[best.passage], text, source }
    const again = await this.read(question, [whole], { hooks, signal })
    // a neighbour that was found, too, would be its own rival
    const others = windows.filter(({ passage: z }) => z !== best.passage && !neighbours.includes(passages[z].id))
    return this.answerFrom(
      [...others, ...again.map((window) => ({ ...window, passage: best.passage }))],
      question,
      passages.with(best.passage, whole),
      options,
    )
  }

  /** As `answer`, from the reading of the question with these passages. */
  answerFrom(
    windows: readonly SpanWindow[],
    question: string,
    passages: readonly WeighedPassage[],
    options: Pick<SpanOptions, 'minProbability' | 'spans'> = {},
  ): SpanAnswer {
    const { minProbability = this.minProbability, spans: most = 5 } = options
    const found = searchSpans(windows, passages.length, Math.max(most, COMPARED_SPANS))
    const spans = rankQuotes(question, passages, found.spans, this.ranking)
    const probability =
      spans.length === 0 ? 0 : this.calibration.probability(quoteSignals(question, passages, spans, found))
    spans.splice(most)
    const abstained = spans.length === 0 || probability < minProbability
    const others = spans
      .map((_, i) => i)
      .filter((i) => i > 0 && spans[i].passage !== spans[0].passage && isLikely(spans[i]))
    return {
      question,
      text: abstained ? ABSTENTION : spans[0].quote.text.replace(/\s+/g, ' '),
      mode: 'span',
      abstained,
      probability,
      pNoAnswer: found.pNoAnswer,
      spans,
      agreeing: others.filter((i) => saysTheSame(spans[0].text, spans[i].text)),
      differing: others.filter((i) => !saysTheSame(spans[0].text, spans[i].text)),
      passages: passages.map(({ logPrior, ...passage }, z) => ({
        ...passage,
        prior: Math.exp(logPrior),
        ...(passage.text.length > MOST_READ && { readTo: MOST_READ }),
        share: found.shares[z],
      })),
    }
  }

  /** The best spans of all passages. @throws as `answer` */
  async search(
    question: string,
    passages: readonly SpanInput[],
    {
      most = 5,
      ...options
    }: { readonly most?: number; readonly hooks?: HooksLike; readonly signal?: AbortSignal } = {},
  ): Promise<SpanSearch> {
    return searchSpans(await this.read(question, passages, options), passages.length, most)
  }

  /** Reads the question with each passage, of which no more than 32,768 characters are read. @throws as `answer` */
  async read(
    question: string,
    passages: readonly SpanInput[],
    { hooks, signal }: { readonly hooks?: HooksLike; readonly signal?: AbortSignal } = {},
  ): Promise<ReadWindow[]> {
    const windows: TokenWindow[] = []
    for (const [z, passage] of passages.entries()) {
      for (const piece of windowsOf(this.tokenizer, question, passage, z, this.#maxLength)) {
        windows.push(...piece)
        await checkpoint(signal, 'the reading')
      }
    }
    windows.sort((a, b) => a.ids.length - b.ids.length)
    const seen: ReadWindow[] = []
    for (let from = 0; from < windows.length; from += BATCH) {
      await checkpoint(signal, 'the reading')
      const batch = windows.slice(from, from + BATCH)
      const width = Math.max(...batch.map(({ ids }) => ids.length))
      const fill = (row: readonly number[], value: number) => [
        ...row,
        ...new Array<number>(width - row.length).fill(value),
      ]
      const output = await this.model.forward(
        {
          inputIds: batch.map(({ ids }) => fill(ids, this.tokenizer.padTokenId)),
          attentionMask: batch.map(({ ids }) =>
            fill(
              ids.map(() => 1),
              0,
            ),
          ),
          tokenTypeIds: batch.map(({ typeIds }) => fill(typeIds, 0)),
        },
        { hooks, signal },
      )
      const [starts, ends] = [rowMajor(output.startLogits), rowMajor(output.endLogits)] // [batch, seq]
      batch.forEach((window, row) => {
        const at = row * width
        const relative = (logits: Float32Array) =>
          window.places.map((_, i) => logits[at + window.first + i] - logits[at])
        seen.push({ ...window, starts: relative(starts), ends: relative(ends) })
      })
    }
    return seen
  }
}

/** Spans that are less likely than one in twenty say nothing about the others. */
function isLikely({ probability }: QuotedSpan): boolean {
  return probability >= 0.05
}
