import { beforeAll, describe, expect, test } from 'vitest'
import type { Retriever } from '../../src/rag/index.js'
import { Rag, Reader, type Answer } from '../../src/rag/index.js'
import { BACKENDS } from '../support/backends.js'
import { goldenJson } from '../support/goldens.js'
import { weightsPath } from '../support/weights.js'

interface GoldenAnswer {
  readonly reader_input_ids: number[][]
  readonly per_passage_ids: number[][]
  readonly per_passage_text: string[]
  readonly candidates: string[]
  readonly log_likelihood: number[][]
  readonly prior: number[]
  readonly p_abstain: number[]
  readonly p_answerable: number
  readonly posterior: number[]
  readonly rag_sequence_log_prob: number[]
  readonly rag_sequence_answer: string
  readonly conditional_log_prob: number[]
  readonly answer: string
}

interface GoldenQuestion extends GoldenAnswer {
  readonly question: string
  readonly question_ids: number[]
  readonly embedding_first8: number[]
  readonly passages: string[]
  readonly scores: number[]
}

const golden = goldenJson<{ seed_example: GoldenAnswer; questions: GoldenQuestion[] }>('default-rag/default-rag.json')
const SEED_QUESTION = 'What is the capital of France?'
const SEED_PASSAGE = { title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }

function expectNumbers(got: readonly number[], wanted: readonly number[], tolerance: number, what: string): void {
  expect(got, what).toHaveLength(wanted.length)
  wanted.forEach((value, i) => {
    expect(Math.abs(got[i] - value), `${what}[${i}]: ${got[i]}, expected ${value}`).toBeLessThanOrEqual(
      tolerance + 1e-5 * Math.abs(value),
    )
  })
}

/** The numbers that both ways of mixing share. */
function expectAnswer(answer: Answer, wanted: GoldenAnswer): void {
  expect(answer.passages.map((passage) => passage.answer)).toEqual(wanted.per_passage_text)
  expect(answer.candidates.map(({ text }) => text)).toEqual(wanted.candidates)
  answer.candidates.forEach(({ logLikelihoods, text }, i) => {
    expectNumbers(logLikelihoods, wanted.log_likelihood[i], 1e-3, `log-likelihoods of "${text}"`)
  })
  expectNumbers(
    answer.passages.map(({ prior }) => prior),
    wanted.prior,
    1e-5,
    'priors',
  )
  expectNumbers(
    answer.passages.map(({ pAbstain }) => pAbstain),
    wanted.p_abstain,
    1e-4,
    'p(abstain)',
  )
  expect(answer.pAnswerable).toBeCloseTo(wanted.p_answerable, 4)
}

describe.each(BACKENDS)('the default pipeline, with its reader that words answers, on $name', ({ create }) => {
  let rag: Rag
  let retriever: Retriever
  beforeAll(async () => {
    const backend = await create()
    const reader = await Reader.fromPretrained(weightsPath('reader'), { backend })
    rag = await Rag.fromPretrained(undefined, { backend, reader })
    retriever = await rag.retriever()
  })

  test('the seed example: one passage, one answer', async () => {
    const answer = await rag.ask(SEED_QUESTION, { passages: [SEED_PASSAGE] })
    expect(answer.text).toBe('The capital of France is Paris.')
    expectAnswer(answer, golden.seed_example)
    expect(answer.tokens.map(({ text }) => text).join('')).toBe(answer.text)
  })

  describe.each(golden.questions)('$question', (wanted) => {
    const { question } = wanted

    test('tokens, vector, passages and scores', async () => {
      expect(rag.encoder.tokenize(question)).toEqual(wanted.question_ids)
      const vector = await rag.encoder.embed([question])
      expectNumbers([...vector.slice(0, 8)], wanted.embedding_first8, 1e-5, 'embedding')
      const found = await retriever.retrieve(question, 5)
      expect(found.map(({ id }) => id)).toEqual(wanted.passages)
      expectNumbers(
        found.map(({ score }) => score),
        wanted.scores,
        1e-5,
        'scores',
      )
      const reading = await rag.reader.read(question, found)
      expect(reading.inputIds).toEqual(wanted.reader_input_ids)
    })

    test('conditioned: answers, likelihoods, probabilities', async () => {
      const answer = await rag.ask(question)
      expect(answer.text).toBe(wanted.answer)
      expectAnswer(answer, wanted)
      const idk = wanted.candidates.indexOf("I don't know.")
      if (wanted.p_answerable >= 0.5 && wanted.candidates.length > 1) {
        answer.candidates.forEach(({ logProb }, i) => {
          if (i !== idk) expectNumbers([logProb], [wanted.conditional_log_prob[i]], 1e-3, `candidate ${i}`)
        })
        const joint = wanted.posterior.map(
          (p, z) => p * Math.exp(wanted.log_likelihood[wanted.candidates.indexOf(wanted.answer)][z]),
        )
        const total = joint.reduce((sum, p) => sum + p, 0)
        expectNumbers(
          answer.passages.map(({ posterior }) => posterior),
          joint.map((p) => p / total),
          1e-3,
          'posterior after the answer',
        )
      }
    })

    test('rag-sequence: the ranking of the paper', async () => {
      const answer = await rag.ask(question, { mode: 'rag-sequence' })
      expect(answer.text).toBe(wanted.rag_sequence_answer)
      expectNumbers(
        answer.candidates.map(({ logProb }) => logProb),
        wanted.rag_sequence_log_prob,
        1e-3,
        'candidates',
      )
      expectNumbers(
        [answer.tokens.reduce((sum, { logProb }) => sum + logProb, 0)],
        [answer.logProb],
        1e-9,
        'sum of the tokens',
      )
    })
  })
})
