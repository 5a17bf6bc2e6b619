/**
 * The default reader: two readers on the same passages. One words an answer and is good at short facts; the other quotes, and is good at documents of any
 * kind. Each of the two answers has a calibrated probability of being right; the likelier one is given, or neither. Where the first one has no
 * good answer to the passages, it is asked to word what the quote says. A worded answer that holds the span, and no word that is neither read nor
 * asked, is as likely as the quote, and goes before it. The first one is held to words that it read (grounded-words.ts).
 */
import { ConfigError } from '../../errors.js'
import type { JsonObject } from '../../files/json.js'
import type { Answer, AnswerPassage, Source } from './answer.js'
import type { Calibration } from './calibration.js'
import { storedCalibration, storedProbability } from './calibration.js'
import { GroundedWords } from './grounded-words.js'
import type { Proposal } from './marginal-answer.js'
import type { ReadingContext, WeighedPassage } from './passage-reader.js'
import { Reader, type ReadOptions } from './reader.js'
import type { Reading, ReaderOptions } from './reading.js'
import { CHECKED_SIGNALS, checkedSignals } from './signals.js'
import type { SpanAnswer } from './span-answer.js'
import type { SpanReader } from './span-reader.js'
import type { SpanWindow } from './span-search.js'
import { contentWords, shareIn } from './word-overlap.js'

/** What {@link QuotingReader} decides by. */
export interface Judgement {
  /** Makes the probability of an answer to the passages of what {@link checkedSignals} says. That of a quote is the span reader's own. */
  readonly said: Calibration
  /** The same for an answer to the best quote alone. */
  readonly worded: Calibration
  /** Least probability of what is given. */
  readonly minProbability: number
  /** A worded answer that is right with this probability is given even where a quote is likelier. */
  readonly preferSaid: number
  /** Words that the reader who words answers adds to those that it reads. */
  readonly ownWords: readonly string[]
}

/** Reads `calibration.json`: { "min_probability": …, "prefer_said": …, "own_words": […],
 * "said": { "bias": …, … }, "worded": { … } }. @throws ConfigError */
export function judgementOf(settings: JsonObject): Judgement {
  const unknown = settings
    .keys()
    .find((key) => !['min_probability', 'prefer_said', 'own_words', 'said', 'worded'].includes(key))
  if (unknown !== undefined) throw new ConfigError('config-unknown', `${settings.where}: unknown field "${unknown}"`)
  return {
    said: storedCalibration(settings.object('said'), CHECKED_SIGNALS),
    worded: storedCalibration(settings.object('worded'), CHECKED_SIGNALS),
    minProbability: storedProbability(settings, 'min_probability'),
    preferSaid: storedProbability(settings, 'prefer_said'),
    ownWords: settings.strings('own_words'),
  }
}

export class QuotingReader extends Reader {
  /** The reader that words answers, with the same model. */
  readonly wording: Reader
  /** It is this reader's, which disposes it. */
  readonly quoting: SpanReader
  readonly #judgement: Judgement
  readonly #words: GroundedWords

  /** @param said its model is this reader's from now on */
  constructor(said: Reader, quoting: SpanReader, judgement: Judgement) {
    super(said.model, said.tokenizer, { format: said.format, minProbability: judgement.minProbability })
    this.wording = said
    this.quoting = quoting
    this.#judgement = judgement
    this.#words = new GroundedWords(said.tokenizer, judgement.ownWords)
  }

  override dispose(): void {
    super.dispose()
    this.quoting.dispose()
  }

  /** @throws InputError as {@link Reader.checkQuestion}, and for a question that leaves no room for a passage where passages are quoted */
  override checkQuestion(question: string, { mode = 'conditioned' }: ReadOptions = {}): void {
    super.checkQuestion(question)
    if (mode === 'conditioned') this.quoting.checkQuestion(question)
  }

  /** @throws InputError as {@link checkQuestion} does, AbortedError */
  override async answer(
    question: string,
    passages: readonly WeighedPassage[],
    options: ReadOptions & ReadingContext = {},
  ): Promise<Answer> {
    this.checkQuestion(question, options)
    return super.answer(question, passages, options)
  }

  /** The modes of the paper are as in {@link Reader}: nothing is quoted there. */
  override async answerFrom(
    reading: Reading,
    question: string,
    passages: readonly WeighedPassage[],
    options: ReadOptions & ReadingContext = {},
  ): Promise<Answer> {
    const { mode = 'conditioned', findPassage, signal } = options
    if (mode !== 'conditioned') return super.answerFrom(reading, question, passages, options)
    const quotes = await this.quoting.answer(question, passages, { minProbability: 0, findPassage, signal })
    return this.judge(reading, quotes, question, passages, options)
  }

  /** The best quote and its probability of being right, from what {@link quoting} has read; it abstains only where there is no span. */
  quote(windows: readonly SpanWindow[], question: string, passages: readonly WeighedPassage[]): SpanAnswer {
    return this.quoting.answerFrom(windows, question, passages, { minProbability: 0 })
  }

  /** The likelier of the worded answer and the quote, or neither; in the mode `conditioned`. */
  async judge(
    reading: Reading,
    quotes: SpanAnswer,
    question: string,
    passages: readonly WeighedPassage[],
    options: ReadOptions & Pick<ReaderOptions, 'signal'> = {},
  ): Promise<Answer> {
    const { minProbability = this.minProbability, hooks, signal } = options
    const { said, worded, preferSaid } = this.#judgement
    const words = this.#words
    const quotable = quotes.spans.length > 0 ? quotes.probability : 0
    const enough = Math.max(minProbability, Math.min(quotable, preferSaid))
    let best = { worded: undefined as string | undefined, said: 0 }
    const accept = (calibration: Calibration, read: readonly WeighedPassage[]) => (proposal: Proposal) => {
      if (shareIn(contentWords(proposal.text), question) === 1) return false // it says what was asked and no more
      const signals = checkedSignals(proposal, question, read, quotes)
      const own = calibration.probability(signals)
      // it says what the quote says, and is no stammer
      const agrees = signals.agreement === 1 && signals.supported === 1 && proposal.logProb > LEAST_LOG_PROB
      const probability = agrees ? Math.max(own, quotable) : own
      if (best.worded === undefined || probability > best.said) best = { worded: proposal.text, said: probability }
      return probability >= enough
    }
    const judged = () => ({ ...best, quoted: quotable, minProbability, preferSaid })
    const own = await this.weigh(reading, question, passages, { ...options, words }, accept(said, passages))
    if (own.kind === 'said') return { ...own, probability: best.said, quotes, judged: judged() }
    if (quotable > 0 && quotes.pNoAnswer < MOST_DOUBT) {
      const [{ passage, quote }] = quotes.spans
      const alone = [{ ...passages[passage], text: quote.text, logPrior: 0 }]
      const read = await this.read(question, alone, { hooks, signal })
      const wording = { ...options, words, mayAbstain: false, onText: undefined }
      const told = await this.weigh(read, question, alone, wording, accept(worded, alone))
      if (told.kind === 'said')
        return { ...ofOnePassage(told, own, quotes), probability: best.said, quotes, judged: judged() }
    }
    const probability = Math.max(best.said, quotable)
    if (quotes.spans.length === 0 || quotable < minProbability) return { ...own, probability, quotes, judged: judged() }
    const total = quotes.passages.reduce((sum, { share }) => sum + share, 0)
    return {
      ...own,
      text: quotes.text,
      kind: 'quoted',
      abstained: false,
      probability: quotable,
      pAnswerable: 1 - quotes.pNoAnswer,
      logProb: Math.log(quotes.spans[0].probability),
      passages: asQuoted(own, quotes).map((passage, z) => ({
        ...passage,
        posterior: quotes.passages[z].share / total,
      })),
      tokens: [],
      quotes,
      judged: judged(),
    }
  }
}

/** What words the quote has to be as likely to itself, in nats, to be as likely right as the quote. */
const LEAST_LOG_PROB = -3
/** Where "no answer" is likelier, a quote is not put to the other reader. */
const MOST_DOUBT = 0.95

/** The passages of an answer with the texts that were quoted from: one may have its neighbour's, too. */
function asQuoted({ passages }: Pick<Answer, 'passages'>, quotes: SpanAnswer): AnswerPassage[] {
  return passages.map((passage, z) => ({
    ...passage,
    text: quotes.passages[z].text,
    ...(quotes.passages[z].source && { source: quotes.passages[z].source }),
  }))
}

/** An answer to the best quote alone, as one to all passages: the quote's passage stands behind all of it. */
function ofOnePassage(
  worded: Omit<Answer, 'probability'>,
  all: Omit<Answer, 'probability'>,
  quotes: SpanAnswer,
): Omit<Answer, 'probability'> {
  const [{ passage, quote }] = quotes.spans
  const behind = all.passages.map((_, z) => Number(z === passage))
  const placed = (source: Source): Source => {
    if (source.field === 'question') return source
    const shift = source.field === 'text' ? quote.start : 0
    return { ...source, passage, start: source.start + shift, end: source.end + shift }
  }
  return {
    ...worded,
    passages: asQuoted(all, quotes).map((other, z) => ({ ...other, posterior: behind[z] })),
    tokens: worded.tokens.map(({ sources, ...token }) => ({
      ...token,
      posterior: behind,
      ...(sources && { sources: sources.map(placed) }),
    })),
    candidates: all.candidates,
  }
}
