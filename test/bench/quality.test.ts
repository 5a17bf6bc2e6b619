/**
 * The measures of `npm run rag-quality`, counted by hand, and its questions about the documentation.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { askAll, type QualityQuestion } from '../../bench/quality/ask-all.js'
import {
  calibration,
  holds,
  measure,
  normalise,
  riskAgainstCoverage,
  withoutImprobable,
  type Outcome,
} from '../../bench/quality/measures.js'
import { reliabilityChart } from '../../bench/report/reliability-chart.js'
import type { Passage, RetrievedPassage } from '../../src/rag/index.js'

const outcome = (fields: Partial<Outcome>): Outcome => ({
  question: 'Q?',
  answerable: true,
  rank: undefined,
  text: 'A.',
  kind: 'said',
  abstained: false,
  probability: 1,
  exact: false,
  holds: false,
  pAnswerable: 1,
  posterior: 1,
  posteriorRight: false,
  seconds: 1,
  ...fields,
})

test('recall, reciprocal rank, matches and abstention, counted by hand', () => {
  const quality = measure([
    outcome({ rank: 1, exact: true, holds: true, posteriorRight: true }),
    outcome({ rank: 4, holds: true }),
    outcome({ rank: 10, abstained: true }),
    outcome({}),
    outcome({ answerable: false, abstained: true }),
    outcome({ answerable: false, abstained: true }),
    outcome({ answerable: false }),
  ])
  expect(quality).toMatchObject({
    questions: 7,
    answerable: 4,
    recallAt: { 1: 1 / 4, 3: 1 / 4, 5: 2 / 4, 10: 3 / 4 },
    meanReciprocalRank: (1 + 1 / 4 + 1 / 10) / 4,
    exactMatch: 1 / 4,
    holdsAnswer: 2 / 4,
    abstentionPrecision: 2 / 3,
    abstentionRecall: 2 / 3,
    answerPrecision: 2 / 4,
    seconds: 1,
  })
  expect(quality.posterior.predictions).toBe(4) // what was answered
  expect(quality.pAnswerable.predictions).toBe(7)
})

test('an answer less probable than asked for counts as an abstention, and a posterior only as far as there is an answer', () => {
  const outcomes = [
    outcome({ probability: 0.04, exact: true, holds: true }),
    outcome({ probability: 0.05, holds: true, pAnswerable: 0.5, posterior: 0.8, posteriorRight: true, seconds: 4 }),
    outcome({ probability: 0.01, answerable: false }),
    outcome({ probability: 0.9, pAnswerable: undefined, posterior: undefined, seconds: 2 }), // a reader that does not tell
  ]
  const quality = measure(withoutImprobable(outcomes, 0.05))
  expect(quality).toMatchObject({ exactMatch: 0, holdsAnswer: 1 / 3, answerPrecision: 1 / 2, abstentionRecall: 1 })
  expect(quality.posterior.brier).toBeCloseTo(0.2 ** 2, 12)
  expect(quality.support.brier).toBeCloseTo(0.6 ** 2, 12)
  expect(quality.pAnswerable.predictions).toBe(3)
  expect(quality.seconds).toBe(1.5)
})

test('calibration: bins, ECE and Brier score, counted by hand', () => {
  const of = (probability: number, happened: boolean) => ({ probability, happened })
  const { bins, ece, brier, predictions } = calibration([of(1, true), of(0.9, false), of(0.95, true), of(0.25, false)])
  expect(predictions).toBe(4)
  expect(bins).toHaveLength(2)
  expect(bins[0]).toEqual({ count: 1, predicted: 0.25, happened: 0 })
  expect(bins[1].count).toBe(3)
  expect(bins[1].predicted).toBeCloseTo(0.95, 12)
  expect(bins[1].happened).toBeCloseTo(2 / 3, 12)
  expect(ece).toBeCloseTo((0.25 + 3 * (0.95 - 2 / 3)) / 4, 12)
  expect(brier).toBeCloseTo((0 + 0.81 + 0.0025 + 0.0625) / 4, 12)
  expect(calibration([]).ece).toBeNaN()
})

test('texts are compared without case, punctuation and articles, and by whole words', () => {
  expect(normalise('  The “Answer”, an  answer: 3,324! ')).toBe('answer answer 3324')
  expect(holds('The exit code is 2.', '2')).toBe(true)
  expect(holds('The exit code is 20.', '2')).toBe(false)
  expect(holds('It reads 3,324 passages', '3,324 passages')).toBe(true)
})

test('an answer that abstains is never right by its words, and the likeliest passage is judged', async () => {
  const passages = [
    { id: 'a', posterior: 0.2 },
    { id: 'b', posterior: 0.8 },
  ] as unknown as (RetrievedPassage & { posterior: number })[]
  const asked: QualityQuestion = { question: 'Q?', answers: ['I do'], isRight: ({ id }: Passage) => id === 'b' }
  const outcomes = async (text: string) =>
    askAll([asked, { question: 'R?', answers: [], isRight: undefined }], {
      ask: async () => ({ text, probability: 0.3, pAnswerable: 0.4, passages }),
      retriever: { retrieve: async () => passages },
      onProgress: () => {},
    })
  const common = { answerable: true, rank: 2, pAnswerable: 0.4, posterior: 0.8, posteriorRight: true }
  const [answered, unanswerable] = await outcomes('I do.')
  expect(answered).toMatchObject({ ...common, exact: true, holds: true, abstained: false })
  expect(answered.probability).toBeCloseTo(0.3, 12)
  expect(unanswerable).toMatchObject({ answerable: false, rank: undefined, posteriorRight: false })
  const [declined] = await outcomes("I don't know. I do.")
  expect(declined).toMatchObject({ ...common, exact: false, holds: false, abstained: true })
})

describe('the questions about the documentation', () => {
  const { questions } = JSON.parse(
    readFileSync(new URL('../../bench/quality/documentation.json', import.meta.url), 'utf8'),
  ) as { questions: { question: string; file?: string; evidence?: string; answers: string[] }[] }

  test('some cannot be answered, and no two are the same', () => {
    expect(questions.filter(({ answers }) => answers.length === 0)).toHaveLength(20)
    expect(new Set(questions.map(({ question }) => question)).size).toBe(questions.length)
  })

  test.each(questions.filter(({ file }) => file !== undefined))('$question: the file says so', ({ file, evidence }) => {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    expect(text.replace(/[`*]|\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/\s+/g, ' ')).toContain(evidence)
  })
})

test('the chart writes counts and errors in words', () => {
  const series = [{ name: 'facts', calibration: calibration([{ probability: 0.5, happened: true }]) }]
  const svg = reliabilityChart('Title', [{ title: 'a < b', predicted: 'p', happened: 'h', series }])
  expect(svg).toContain('● facts: 1 predictions, ECE 0.500, Brier 0.250')
  expect(svg).toContain('a &lt; b')
  expect(svg.match(/<circle/g)).toHaveLength(1)
})

test('what came of the questions is counted, and the risk at a coverage is that of the likeliest answers', () => {
  const outcomes = [
    outcome({ holds: true, probability: 0.9 }),
    outcome({ holds: false, probability: 0.6 }),
    outcome({ holds: true, probability: 0.3 }),
    outcome({ answerable: false, probability: 0.2 }),
  ]
  const quality = measure(withoutImprobable(outcomes, 0.5), outcomes)
  expect(quality).toMatchObject({ right: 1, wrong: 1, refused: 1, rightlyRefused: 1 })
  expect(quality.probability.predictions).toBe(4)
  expect(riskAgainstCoverage(outcomes, [0.25, 0.5, 1]).map(({ risk }) => risk)).toEqual([0, 0.5, 0.5])
})
