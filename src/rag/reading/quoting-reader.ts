/**
 * The default reader: two readers on the same passages. One words an answer and is good at short facts; the other quotes, and is good at documents of any
 * kind. Each of the two answers has a calibrated probability of being right; the likelier one is given, or neither. Where the first one has no
 * good answer to the passages, it is asked to word what the quote says.
 */
import type { Answer, Source } from './answer.js'
import type { Calibration } from './calibration.js'
import { storedCalibration } from './calibration.js'
import type { Proposal } from './marginal-answer.js'
import type { WeighedPassage } from './passage-reader.js'
import { Reader, type ReaderSettings, type ReadOptions } from './reader.js'
import type { Reading, ReaderOptions } from './reading.js'
import { checkedSignals } from './signals.js'
import type { QuotedSpan } from './span-answer.js'
import type { SpanReader } from './span-reader.js'
import type { JsonObject } from '../../files/json.js'

/** What {@link QuotingReader} decides by. */
export interface Judgement {
  /** Makes the probability of a worded answer of what {@link checkedSignals} says, and that of a quote of what the span reader knows. */
  readonly said: Calibration
  readonly quoted: Calibration
  /** Least probability of what is given. */
  readonly minProbability: number
  /** A worded answer that is right with this probability is given even where a quote is likelier. */
  readonly preferSaid: number
}

/** Reads `calibration.json`: { "min_probability": …, "prefer_said": …, "said": { "bias": …, … }, "quoted": { … } }. @throws ConfigError */
export function judgementOf(settings: JsonObject): Judgement {
  return {
    said: storedCalibration(settings.object('said')),
    quoted: storedCalibration(settings.object('quoted')),
    minProbability: settings.number('min_probability'),
    preferSaid: settings.number('prefer_said'),
  }
}

export class QuotingReader extends Reader {
  /** It is this reader's, which disposes it. */
  readonly quoting: SpanReader
  readonly #judgement: Judgement

  constructor(said: Reader, quoting: SpanReader, judgement: Judgement, settings: Pick<ReaderSettings, 'format'> = {}) {
    super(said.model, said.tokenizer, { ...settings, minProbability: judgement.minProbability })
    this.quoting = quoting
    this.#judgement = judgement
  }

  override dispose(): void {
    super.dispose()
    this.quoting.dispose()
  }

  /** The modes of the paper are as in {@link Reader}: nothing is quoted there. */
  override async answerFrom(
    reading: Reading,
    question: string,
    passages: readonly WeighedPassage[],
    options: ReadOptions & Pick<ReaderOptions, 'signal'> = {},
  ): Promise<Answer> {
    const { mode = 'conditioned', minProbability = this.minProbability, signal } = options
    if (mode !== 'conditioned') return super.answerFrom(reading, question, passages, options)
    const { said, quoted, preferSaid } = this.#judgement
    const quotes = await this.quoting.answer(question, passages, { minProbability: 0, calibration: quoted, signal })
    const quotable = quotes.spans.length > 0 ? quotes.probability : 0
    const enough = Math.max(minProbability, Math.min(quotable, preferSaid))
    const judged: number[] = []
    const accept = (read: readonly WeighedPassage[]) => (proposal: Proposal) => {
      const probability = said.probability(checkedSignals(proposal, question, read, quotes))
      judged.push(probability)
      return probability >= enough
    }
    const own = await this.weigh(reading, question, passages, options, accept(passages))
    if (own.kind === 'said') return { ...own, probability: judged[0], quotes }
    if (quotable > 0 && quotes.pNoAnswer < MOST_DOUBT) {
      const [{ passage, quote }] = quotes.spans
      const alone = [{ ...passages[passage], text: quote.text, logPrior: 0 }]
      const read = await this.read(question, alone, { hooks: options.hooks, signal })
      const worded = await this.weigh(read, question, alone, { ...options, onText: undefined }, accept(alone))
      if (worded.kind === 'said')
        return { ...ofOnePassage(worded, own, quotes.spans[0]), probability: judged.at(-1)!, quotes }
    }
    const probability = Math.max(quotable, ...judged)
    if (quotable < minProbability) return { ...own, probability, quotes }
    const shares = quotes.passages.map(({ share }) => share / (1 - quotes.pNoAnswer))
    return {
      ...own,
      text: quotes.text,
      kind: 'quoted',
      abstained: false,
      probability: quotable,
      pAnswerable: 1 - quotes.pNoAnswer,
      logProb: Math.log(quotes.spans[0].probability),
      passages: own.passages.map((passage, z) => ({ ...passage, posterior: shares[z] })),
      tokens: [],
      quotes,
    }
  }
}

/** Where "no answer" is likelier, a quote is not put to the other reader. */
const MOST_DOUBT = 0.95

/** An answer to one quote alone, as one to all passages: the quote's passage stands behind all of it. */
function ofOnePassage(
  worded: Omit<Answer, 'probability'>,
  all: Omit<Answer, 'probability'>,
  { passage, quote }: QuotedSpan,
): Omit<Answer, 'probability'> {
  const behind = all.passages.map((_, z) => Number(z === passage))
  const placed = (source: Source): Source => {
    if (source.field === 'question') return source
    const shift = source.field === 'text' ? quote.start : 0
    return { ...source, passage, start: source.start + shift, end: source.end + shift }
  }
  return {
    ...worded,
    passages: all.passages.map((other, z) => ({ ...other, posterior: behind[z] })),
    tokens: worded.tokens.map(({ sources, ...token }) => ({
      ...token,
      posterior: behind,
      ...(sources && { sources: sources.map(placed) }),
    })),
    candidates: all.candidates,
  }
}
