/**
 * How well questions are answered: retrieval, answers, knowing when to abstain, and whether probabilities mean what they say. All of it
 * counts what is in {@link Outcome}; asking is in ask-all.ts. Shares are NaN where there is nothing to count.
 */
import { ABSTENTION } from '../../src/rag/index.js'

/** What came of one question. */
export interface Outcome {
  readonly question: string
  /** `tuning` or `held-out`, where the questions are parted. */
  readonly part?: string
  readonly answerable: boolean
  /** Place of the first passage that holds the answer among those found, from 1; undefined when it is not among them. */
  readonly rank: number | undefined
  readonly text: string
  /** Whether it was worded, quoted or refused. */
  readonly kind: string
  readonly abstained: boolean
  /** p(right) as the reader says. */
  readonly probability: number
  /** The text is one of the right answers, but for case, punctuation and articles. */
  readonly exact: boolean
  /** One of the right answers stands in the text. */
  readonly holds: boolean
  /** One of them stands in the best span, whatever the answer was; undefined where the reader does not quote. */
  readonly spanHolds?: boolean
  /** p(some passage answers the question), as the pipeline says; undefined where the reader does not tell. */
  readonly pAnswerable: number | undefined
  /** The largest posterior of a passage, if the reader tells, and whether that passage holds the answer. */
  readonly posterior: number | undefined
  readonly posteriorRight: boolean
  /** From the question to the answer. */
  readonly seconds: number
}

/** How well the passages of answerable questions are found. */
export interface RetrievalQuality {
  /** Share with the right passage among the first k. */
  readonly recallAt: Readonly<Record<number, number>>
  /** Mean of 1 / rank, of 0 where it was not found. */
  readonly meanReciprocalRank: number
}

export interface Quality extends RetrievalQuality {
  readonly questions: number
  readonly answerable: number
  /** Answerable questions by what came of them. */
  readonly right: number
  readonly wrong: number
  readonly refused: number
  /** Questions without an answer that were refused. */
  readonly rightlyRefused: number
  /** p(right) against what was right, before anything was refused. */
  readonly probability: Calibration
  /** Shares of the answerable questions. */
  readonly exactMatch: number
  readonly holdsAnswer: number
  readonly spanHolds: number
  /** Of the questions on which the pipeline abstained, those that cannot be answered; and the other way round. */
  readonly abstentionPrecision: number
  readonly abstentionRecall: number
  /** Of the answers that were given, those that hold a right one. */
  readonly answerPrecision: number
  /** Of questions that were answered: the largest posterior against "this passage holds the answer". */
  readonly posterior: Calibration
  /** The same of the posterior times p(answerable): the posterior takes for granted that some passage answers. */
  readonly support: Calibration
  /** Of all questions: p(answerable) against "the question can be answered". */
  readonly pAnswerable: Calibration
  /** Median time of a question. */
  readonly seconds: number
}

export interface Prediction {
  readonly probability: number
  readonly happened: boolean
}

export interface Bin {
  readonly count: number
  /** Mean probability that was predicted, and share of what happened. */
  readonly predicted: number
  readonly happened: number
}

export interface Calibration {
  readonly predictions: number
  /** Bins of equal width over [0, 1] that are not empty, from the least probable on. */
  readonly bins: readonly Bin[]
  /** Expected calibration error: mean distance of a bin's two numbers, weighted by count (Guo et al. 2017, equation 3). */
  readonly ece: number
  /** Mean of (probability - what happened, 0 or 1)² (Brier 1950). */
  readonly brier: number
}

export const RANKS: readonly number[] = [1, 3, 5, 10]
const BINS = 10

/** @param all the outcomes before anything was refused */
export function measure(outcomes: readonly Outcome[], all = outcomes): Quality {
  const answerable = outcomes.filter((outcome) => outcome.answerable)
  const abstained = outcomes.filter((outcome) => outcome.abstained)
  const unanswerable = outcomes.filter((outcome) => !outcome.answerable)
  const answered = outcomes.filter((outcome) => !outcome.abstained)
  return {
    questions: outcomes.length,
    answerable: answerable.length,
    ...retrievalQuality(answerable.map(({ rank }) => rank)),
    right: count(answerable, ({ holds }) => holds),
    wrong: count(answerable, ({ holds, abstained }) => !holds && !abstained),
    refused: count(answerable, ({ abstained }) => abstained),
    rightlyRefused: count(unanswerable, ({ abstained }) => abstained),
    probability: calibration(
      all.map(({ probability, holds }) => ({ probability: Math.min(1, probability), happened: holds })),
    ),
    exactMatch: mean(answerable, ({ exact }) => Number(exact)),
    holdsAnswer: mean(answerable, ({ holds }) => Number(holds)),
    spanHolds: mean(answerable, ({ spanHolds = false }) => Number(spanHolds)),
    abstentionPrecision: mean(abstained, (outcome) => Number(!outcome.answerable)),
    abstentionRecall: mean(unanswerable, (outcome) => Number(outcome.abstained)),
    answerPrecision: mean(answered, (outcome) => Number(outcome.holds)),
    posterior: predictions(
      answered,
      ({ posterior }) => posterior,
      ({ posteriorRight }) => posteriorRight,
    ),
    support: predictions(
      answered,
      ({ posterior, pAnswerable }) =>
        posterior !== undefined && pAnswerable !== undefined ? posterior * pAnswerable : undefined,
      ({ posteriorRight }) => posteriorRight,
    ),
    pAnswerable: predictions(
      outcomes,
      ({ pAnswerable }) => pAnswerable,
      ({ answerable }) => answerable,
    ),
    seconds: median(outcomes.map(({ seconds }) => seconds)),
  }
}

/** As if the pipeline had not given what is less probable. */
export function withoutImprobable(outcomes: readonly Outcome[], least: number): Outcome[] {
  return outcomes.map((outcome) =>
    outcome.abstained || outcome.probability >= least
      ? outcome
      : { ...outcome, kind: 'refused', abstained: true, text: ABSTENTION, exact: false, holds: false },
  )
}

/** What is answered, and what is wrong of it, when only the answers that are likeliest to be right are given. */
export interface RiskAtCoverage {
  /** Share of all questions that is answered. */
  readonly coverage: number
  /** Share of the answers that is wrong. */
  readonly risk: number
  /** The probability of the least likely answer that is given. */
  readonly probability: number
}

/** Risk against coverage (El-Yaniv and Wiener 2010). @param outcomes before anything was refused */
export function riskAgainstCoverage(outcomes: readonly Outcome[], coverages: readonly number[]): RiskAtCoverage[] {
  const sorted = [...outcomes].sort((a, b) => b.probability - a.probability)
  return coverages.map((coverage) => {
    const given = sorted.slice(0, Math.max(1, Math.round(coverage * sorted.length)))
    return { coverage, risk: mean(given, ({ holds }) => Number(!holds)), probability: given.at(-1)!.probability }
  })
}

/** Of those that predicted anything. */
function predictions(
  outcomes: readonly Outcome[],
  probability: (outcome: Outcome) => number | undefined,
  happened: (outcome: Outcome) => boolean,
): Calibration {
  return calibration(
    outcomes.flatMap((outcome) => {
      const predicted = probability(outcome)
      return predicted === undefined ? [] : [{ probability: predicted, happened: happened(outcome) }]
    }),
  )
}

/** @param ranks for each question the place of the first right passage, from 1; undefined where none was found */
export function retrievalQuality(ranks: readonly (number | undefined)[]): RetrievalQuality {
  return {
    recallAt: Object.fromEntries(RANKS.map((k) => [k, mean(ranks, (rank = Infinity) => Number(rank <= k))])),
    meanReciprocalRank: mean(ranks, (rank = Infinity) => 1 / rank),
  }
}

/** Place of the first right passage, from 1. */
export function foundAt<P>(passages: readonly P[], isRight: (passage: P) => boolean): number | undefined {
  const place = passages.findIndex(isRight)
  return place < 0 ? undefined : place + 1
}

export function calibration(predictions: readonly Prediction[]): Calibration {
  const binOf = ({ probability }: Prediction) => Math.min(BINS - 1, Math.floor(probability * BINS))
  const bins = Array.from({ length: BINS }, (_, bin) => predictions.filter((prediction) => binOf(prediction) === bin))
    .filter((members) => members.length > 0)
    .map((members) => ({
      count: members.length,
      predicted: mean(members, ({ probability }) => probability),
      happened: mean(members, ({ happened }) => Number(happened)),
    }))
  return {
    predictions: predictions.length,
    bins,
    ece:
      bins.reduce((sum, { count, predicted, happened }) => sum + count * Math.abs(predicted - happened), 0) /
      predictions.length,
    brier: mean(predictions, ({ probability, happened }) => (probability - Number(happened)) ** 2),
  }
}

/** Lower case, without punctuation and articles, single spaces: as SQuAD compares answers (Rajpurkar et al. 2016). */
export function normalise(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\p{P}\p{S}]/gu, '')
    .replace(/\b(a|an|the)\b/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}

/** Whether the words of an answer stand in a text, one after the other. */
export function holds(text: string, answer: string): boolean {
  return ` ${normalise(text)} `.includes(` ${normalise(answer)} `)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2
}

function count<T>(members: readonly T[], counts: (member: T) => boolean): number {
  return members.filter(counts).length
}

function mean<T>(members: readonly T[], value: (member: T) => number): number {
  return members.reduce((sum, member) => sum + value(member), 0) / members.length
}
