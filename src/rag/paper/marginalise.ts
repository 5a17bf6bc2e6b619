/**
 * The mathematics of RAG (Lewis et al. 2020, https://arxiv.org/abs/2005.11401, section 2.1), in log space and double precision.
 * z is a passage, x the question, y an answer.
 */
import { logSumExpRow } from '../../tensor/ops/index.js'

/** ln p(z|x): log-softmax of the retrieval scores. */
export function logPrior(scores: readonly number[]): number[] {
  return normalizeLog(scores)
}

/** Shifts log-weights so that their exponentials sum to 1. */
export function normalizeLog(logWeights: readonly number[]): number[] {
  const total = logSumExpRow(logWeights)
  return logWeights.map((weight) => weight - total)
}

/** ln Σ_z p(z) p(y|x,z). */
export function marginal(logWeights: readonly number[], logLikelihoods: readonly number[]): number {
  return logSumExpRow(logWeights.map((weight, z) => weight + logLikelihoods[z]))
}

export interface Conditioned {
  /** ln p(z|x, the passage answers). */
  readonly logPosterior: readonly number[]
  /** p(some passage answers|x) = Σ_z p(z|x) (1 - p(abstain|x,z)). */
  readonly pAnswerable: number
}

/** Weighs each passage by how surely it answers at all: p(z|x) (1 - p(abstain|x,z)), renormalised. */
export function conditionOnAnswering(logPriors: readonly number[], pAbstain: readonly number[]): Conditioned {
  const weights = logPriors.map((prior, z) => prior + Math.log1p(-Math.min(pAbstain[z], 1 - 1e-9)))
  return { logPosterior: normalizeLog(weights), pAnswerable: Math.exp(logSumExpRow(weights)) }
}

export interface MixedToken {
  /** ln p(y_t|x, y_<t) under the mixture. */
  readonly logProb: number
  /** p(z|x, y_<=t): how far each passage stands behind the answer up to and with this token. Sums to 1. */
  readonly posterior: readonly number[]
}

/**
 * A sequence's tokens under the mixture of RAG-Sequence. Their log-probabilities sum to that of the sequence.
 * @param tokenLogProbs ln p(y_t|x, z, y_<t), [passage][token]
 */
export function mixSequence(
  logWeights: readonly number[],
  tokenLogProbs: readonly (readonly number[])[],
): MixedToken[] {
  let weights = normalizeLog(logWeights)
  return tokenLogProbs[0].map((_, t) => {
    const joint = weights.map((weight, z) => weight + tokenLogProbs[z][t])
    weights = normalizeLog(joint)
    return { logProb: logSumExpRow(joint), posterior: weights.map(Math.exp) }
  })
}

/** A sequence's tokens under RAG-Token, which draws a passage anew for each token: the weights never change. */
export function mixTokens(logWeights: readonly number[], tokenLogProbs: readonly (readonly number[])[]): MixedToken[] {
  return tokenLogProbs[0].map((_, t) => {
    const joint = logWeights.map((weight, z) => weight + tokenLogProbs[z][t])
    return { logProb: logSumExpRow(joint), posterior: normalizeLog(joint).map(Math.exp) }
  })
}
