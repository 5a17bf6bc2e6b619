/**
 * The default reader: two readers on the same passages. One words an answer and is good at short facts; the other quotes, and is good at documents of any
 * kind. Each of the two answers has a calibrated probability of being right; the likelier one is given, or neither.
 */
import type { Answer } from './answer.js'
import type { Calibration } from './calibration.js'
import { storedCalibration, storedProbability } from './calibration.js'
import type { WeighedPassage } from './passage-reader.js'
import { Reader, type ReadOptions } from './reader.js'
import type { Reading, ReaderOptions } from './reading.js'
import { checkedSignals } from './signals.js'
import type { SpanReader } from './span-reader.js'
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
    minProbability: storedProbability(settings, 'min_probability'),
  }
}

export class QuotingReader extends Reader {
  /** It is this reader's, which disposes it. */
  readonly quoting: SpanReader
  readonly #judgement: Judgement

  /** @param said its model is this reader's from now on */
  constructor(said: Reader, quoting: SpanReader, judgement: Judgement) {
    super(said.model, said.tokenizer, { format: said.format, minProbability: judgement.minProbability })
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
    const { said, quoted } = this.#judgement
    const quotes = await this.quoting.answer(question, passages, { minProbability: 0, calibration: quoted, signal })
    const quotable = quotes.spans.length > 0 ? quotes.probability : 0
    let sayable = 0
    const answer = await this.weigh(reading, question, passages, options, (proposal) => {
      sayable = said.probability(checkedSignals(proposal, question, passages, quotes))
      return sayable >= Math.max(minProbability, quotable)
    })
    const probability = Math.max(sayable, quotable)
    if (answer.kind === 'said' || quotes.spans.length === 0 || probability < minProbability) {
      return { ...answer, probability, quotes }
    }
    const total = quotes.passages.reduce((sum, { share }) => sum + share, 0)
    return {
      ...answer,
      text: quotes.text,
      kind: 'quoted',
      abstained: false,
      probability,
      pAnswerable: 1 - quotes.pNoAnswer,
      logProb: Math.log(quotes.spans[0].probability),
      passages: answer.passages.map((passage, z) => ({ ...passage, posterior: quotes.passages[z].share / total })),
      tokens: [],
      quotes,
    }
  }
}
