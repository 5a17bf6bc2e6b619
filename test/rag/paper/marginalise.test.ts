import { describe, expect, test } from 'vitest'
import { Random } from '../../../bench/random.js'
import {
  conditionOnAnswering,
  logPrior,
  marginal,
  mixSequence,
  mixTokens,
  normalizeLog,
} from '../../../src/rag/paper/marginalise.js'

const ln = Math.log
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** Numbers equal up to rounding in double precision. */
function expectNumbers(got: readonly number[], wanted: readonly number[]): void {
  expect(got).toHaveLength(wanted.length)
  wanted.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 12))
}

describe('by hand', () => {
  test('the prior is the softmax of the scores', () => {
    expectNumbers(logPrior([ln(1), ln(3)]), [ln(1 / 4), ln(3 / 4)])
    expectNumbers(logPrior([7]), [0])
  })

  test('p(y|x) = 0.25 * 0.5 + 0.75 * 0.1 = 0.2', () => {
    expect(marginal([ln(0.25), ln(0.75)], [ln(0.5), ln(0.1)])).toBeCloseTo(ln(0.2), 12)
  })

  test('a passage that abstains loses its say', () => {
    // 0.5 * 0.2 = 0.1, 0.3 * 1 = 0.3, 0.2 * 0.5 = 0.1; together 0.5
    const { logPosterior, pAnswerable } = conditionOnAnswering([ln(0.5), ln(0.3), ln(0.2)], [0.8, 0, 0.5])
    expect(pAnswerable).toBeCloseTo(0.5, 12)
    expectNumbers(logPosterior.map(Math.exp), [0.2, 0.6, 0.2])
  })

  test('passages that all abstain for certain keep finite weights', () => {
    const { logPosterior, pAnswerable } = conditionOnAnswering([ln(0.5), ln(0.5)], [1, 1])
    expectNumbers(logPosterior.map(Math.exp), [0.5, 0.5])
    expect(pAnswerable).toBeCloseTo(1e-9, 15)
  })

  test('RAG-Sequence: after each token, Bayes moves the weight to the passage that expected it', () => {
    // passage 0: 0.9 then 0.5; passage 1: 0.1 then 1. Prior 0.5, 0.5.
    // token 1: 0.45 + 0.05 = 0.5, posterior 0.9, 0.1; token 2: 0.9 * 0.5 + 0.1 * 1 = 0.55, posterior 9/11, 2/11
    const mixed = mixSequence([ln(0.5), ln(0.5)], [[ln(0.9), ln(0.5)], [ln(0.1), ln(1)]]) // prettier-ignore
    expectNumbers(mixed.map(({ logProb }) => logProb), [ln(0.5), ln(0.55)]) // prettier-ignore
    expectNumbers(mixed[0].posterior, [0.9, 0.1])
    expectNumbers(mixed[1].posterior, [9 / 11, 2 / 11])
  })

  test('RAG-Token: each token is drawn anew, so the weights never change', () => {
    // token 2: 0.5 * 0.5 + 0.5 * 1 = 0.75, posterior 1/3, 2/3
    const mixed = mixTokens([ln(0.5), ln(0.5)], [[ln(0.9), ln(0.5)], [ln(0.1), ln(1)]]) // prettier-ignore
    expectNumbers(mixed.map(({ logProb }) => logProb), [ln(0.5), ln(0.75)]) // prettier-ignore
    expectNumbers(mixed[0].posterior, [0.9, 0.1])
    expectNumbers(mixed[1].posterior, [1 / 3, 2 / 3])
  })
})

describe('for random weights and likelihoods', () => {
  const random = new Random(5)
  const rounds = Array.from({ length: 200 }, () => {
    const passages = 1 + random.below(6)
    const tokens = 1 + random.below(8)
    // log-probabilities down to e^-700, beyond which a plain product of probabilities is 0
    const logs = () => -Math.exp(random.next() * 6.5 - 1)
    return {
      weights: normalizeLog(Array.from({ length: passages }, logs)),
      tokenLogProbs: Array.from({ length: passages }, () => Array.from({ length: tokens }, logs)),
      pAbstain: Array.from({ length: passages }, () => random.next()),
    }
  })

  test('weights and posteriors sum to 1', () => {
    for (const { weights, tokenLogProbs, pAbstain } of rounds) {
      expect(sum(weights.map(Math.exp))).toBeCloseTo(1, 10)
      expect(sum(conditionOnAnswering(weights, pAbstain).logPosterior.map(Math.exp))).toBeCloseTo(1, 10)
      for (const { posterior } of [...mixSequence(weights, tokenLogProbs), ...mixTokens(weights, tokenLogProbs)]) {
        expect(sum(posterior)).toBeCloseTo(1, 10)
      }
    }
  })

  test('the tokens of RAG-Sequence multiply to the probability of the sequence', () => {
    for (const { weights, tokenLogProbs } of rounds) {
      const tokens = sum(mixSequence(weights, tokenLogProbs).map(({ logProb }) => logProb))
      const whole = marginal(weights, tokenLogProbs.map(sum))
      expect(Math.abs(tokens - whole)).toBeLessThanOrEqual(1e-10 * Math.max(1, Math.abs(whole)))
    }
  })

  test('one passage alone: both models are the reader itself', () => {
    for (const { tokenLogProbs } of rounds) {
      for (const mix of [mixSequence, mixTokens]) {
        expectNumbers(mix([0], [tokenLogProbs[0]]).map(({ logProb }) => logProb), tokenLogProbs[0]) // prettier-ignore
      }
    }
  })

  test('p(answerable) lies between the least and the most that any passage says', () => {
    for (const { weights, pAbstain } of rounds) {
      const { pAnswerable } = conditionOnAnswering(weights, pAbstain)
      expect(pAnswerable).toBeGreaterThanOrEqual(1 - Math.max(...pAbstain) - 1e-12)
      expect(pAnswerable).toBeLessThanOrEqual(1 - Math.min(...pAbstain) + 1e-12)
    }
  })
})
