/**
 * What `npm run rag-quality` prints.
 */
import { measure, RANKS, riskAgainstCoverage, withoutImprobable, type Outcome, type Quality } from './measures.js'

export interface NamedQuality {
  readonly name: string
  readonly quality: Quality
  readonly outcomes: readonly Outcome[]
}

/** Least probabilities of an answer that are compared. */
const THRESHOLDS: readonly number[] = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]

export function qualityTable(results: readonly NamedQuality[]): string {
  const rows: [string, (quality: Quality) => string][] = [
    ['questions', ({ questions }) => String(questions)],
    ['answerable', ({ answerable }) => String(answerable)],
    ...RANKS.map((k): [string, (quality: Quality) => string] => [`recall@${k}`, ({ recallAt }) => share(recallAt[k])]),
    ['mean reciprocal rank', (quality) => share(quality.meanReciprocalRank)],
    ['right, wrong, refused', ({ right, wrong, refused }) => `${right} ${wrong} ${refused}`],
    [
      'unanswerable refused',
      ({ questions, answerable, rightlyRefused }) => `${rightlyRefused} of ${questions - answerable}`,
    ],
    ['p(right): ECE, Brier', ({ probability }) => calibrated(probability)],
    ['exact match', (quality) => share(quality.exactMatch)],
    ['answer holds the right one', (quality) => share(quality.holdsAnswer)],
    ['best span alone holds it', (quality) => share(quality.spanHolds)],
    ['answers given that are right', (quality) => share(quality.answerPrecision)],
    ['abstention precision', (quality) => share(quality.abstentionPrecision)],
    ['abstention recall', (quality) => share(quality.abstentionRecall)],
    ['posterior: ECE, Brier', ({ posterior }) => calibrated(posterior)],
    ['... x p(answerable)', ({ support }) => calibrated(support)],
    ['p(answerable): ECE, Brier', ({ pAnswerable }) => calibrated(pAnswerable)],
    ['seconds a question, median', ({ seconds }) => seconds.toFixed(2)],
  ]
  const names = results.map(({ name }) => name)
  return [
    line('', names),
    ...rows.map(([name, cell]) =>
      line(
        name,
        results.map(({ quality }) => cell(quality)),
      ),
    ),
  ].join('\n')
}

/** What another least probability would give: answers, right ones among them, and declined ones among those without an answer. */
export function thresholdTable(results: readonly NamedQuality[]): string {
  const cell = (outcomes: readonly Outcome[], least: number) => {
    const kept = withoutImprobable(outcomes, least)
    const given = kept.filter(({ abstained }) => !abstained)
    return `${given.length} ${given.filter(({ holds }) => holds).length} ${share(measure(kept).abstentionRecall)}`
  }
  return [
    'By the least probability of an answer: answers given, right ones, abstention recall',
    ...THRESHOLDS.map((least) =>
      line(
        least.toFixed(2),
        results.map(({ outcomes }) => cell(outcomes, least)),
      ),
    ),
  ].join('\n')
}

const COVERAGES: readonly number[] = [0.2, 0.4, 0.6, 0.8, 1]

/** What would be wrong if only the likeliest answers were given. */
export function coverageTable(results: readonly NamedQuality[]): string {
  return [
    'By the share of questions that is answered: share of the answers that is wrong',
    ...COVERAGES.map((coverage) =>
      line(
        coverage.toFixed(2),
        results.map(({ outcomes }) => share(riskAgainstCoverage(outcomes, [coverage])[0].risk)),
      ),
    ),
  ].join('\n')
}

function share(value: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(3)
}

function calibrated({ ece, brier }: { readonly ece: number; readonly brier: number }): string {
  return `${share(ece)} ${share(brier)}`
}

function line(name: string, cells: readonly string[]): string {
  return name.padEnd(30) + cells.map((text) => text.padStart(24)).join('')
}
