/**
 * The default reader: two readers on the same passages. One words an answer and is good at short facts; the other quotes, and is good at documents of any
 * kind. Each of the two answers has a calibrated probability of being right; the likelier one is given, or neither.
 */
import type { Answer } from './answer.js'
import type { Calibration } from './calibration.js'
import { storedCalibration } from './calibration.js'
import type { WeighedPassage } from './passage-reader.js'
import { Reader, type ReaderSettings, type ReadOptions } from './reader.js'
import type { Reading, ReaderOptions } from './reading.js'
import { checkedSignals } from './signals.js'
import type { SpanAnswer } from './span-answer.js'
import type { SpanReader } from './span-reader.js'
import type { SpanWindow } from './span-search.js'
import type { JsonObject } from '../../files/json.js'

/** What {@link QuotingReader} decides by. */
export interface Judgement {
  /** Makes the probability of a worded answer of what {@link checkedSignals} says, and that of a quote of what the span reader knows. */
  readonly said: Calibration
  readonly quoted: Calibration
  /** Least probability of what is given. */
  readonly minProbability: number
}

/** Reads `calibration.json`: { "min_probability": …, "said": { "bias": …, … }, "quoted": { … } }. @throws ConfigError */
export function judgementOf(settings: JsonObject): Judgement {
  return {
    said: storedCalibration(settings.object('said')),
    quoted: storedCalibration(settings.object('quoted')),
    minProbability: settings.number('min_probability'),
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
    const { mode = 'conditioned', signal } = options
    if (mode !== 'conditioned') return super.answerFrom(reading, question, passages, options)
    const windows = await this.quoting.read(question, passages, { signal })
    return this.judge(reading, this.quote(windows, question, passages), question, passages, options)
  }

  /** The best quote and its probability of being right, from what {@link quoting} has read; it abstains only where there is no span. */
  quote(windows: readonly SpanWindow[], question: string, passages: readonly WeighedPassage[]): SpanAnswer {
    const options = { minProbability: 0, calibration: this.#judgement.quoted }
    return this.quoting.answerFrom(windows, question, passages, options)
  }

  /** The likelier of the worded answer and the quote, or neither; in the mode `conditioned`. */
  async judge(
    reading: Reading,
    quotes: SpanAnswer,
    question: string,
    passages: readonly WeighedPassage[],
    options: ReadOptions & Pick<ReaderOptions, 'signal'> = {},
  ): Promise<Answer> {
    const { minProbability = this.minProbability } = options
    const quotable = quotes.spans.length > 0 ? quotes.probability : 0
    let sayable = 0
    let worded: string | undefined
    const answer = await this.weigh(reading, question, passages, options, (proposal) => {
      worded = proposal.text
      sayable = this.#judgement.said.probability(checkedSignals(proposal, question, passages, quotes))
      return sayable >= Math.max(minProbability, quotable)
    })
    const probability = Math.max(sayable, quotable)
    const judged = { worded, said: sayable, quoted: quotable, minProbability }
    if (answer.kind === 'said' || probability < minProbability) return { ...answer, probability, quotes, judged }
    const shares = quotes.passages.map(({ share }) => share / (1 - quotes.pNoAnswer))
    return {
      ...answer,
      text: quotes.text,
      kind: 'quoted',
      abstained: false,
      probability,
      pAnswerable: 1 - quotes.pNoAnswer,
      logProb: Math.log(quotes.spans[0].probability),
      passages: answer.passages.map((passage, z) => ({ ...passage, posterior: shares[z] })),
      tokens: [],
      quotes,
      judged,
    }
  }
}
