/**
 * The losses of RAG-Sequence and RAG-Token (Lewis et al. 2020, https://arxiv.org/abs/2005.11401, section 2.1 and 2.3) as
 * transformers computes them, in double precision. The labels are what the decoder reads, start token first; the targets are the
 * labels without it, closed with padding. Padding is left out.
 *
 * Where transformers deviates from the paper, these follow it:
 * - RAG-Sequence adds ln p(z|x) to the second target's log-probability. It is counted once, as in the paper, unless the second
 *   target is padding or missing, as for an empty answer: then it is not counted at all.
 * - A beam search fills T5's answers with end tokens, and those are counted, since they are not padding.
 */
import { ShapeError } from '../../errors.js'
import { output, rowMajor } from '../../tensor/ops/float.js'
import { logSumExpRow, type Float } from '../../tensor/ops/index.js'
import { showShape } from '../../tensor/shape.js'
import { normalizeLog } from './marginalise.js'

export interface LossOptions {
  readonly padTokenId: number
  /** Label smoothing: the share of the uniform distribution in the target. */
  readonly epsilon?: number
  /** RAG-Sequence: leave out the first target. */
  readonly skipFirst?: boolean
}

/** One question's answer under all its passages. */
export interface AnswerLogits {
  /** [passages, target, vocabulary] */
  readonly logits: Float
  /** ln p(z|x), [passages] */
  readonly docLogProbs: readonly number[]
  /** What the decoder read; the same for all passages. [target] */
  readonly labels: readonly number[]
}

/** -ln Σ_z p(z|x) Π_t p(y_t|x, z, y_<t) */
export function sequenceLoss({ logits, docLogProbs, labels }: AnswerLogits, options: LossOptions): number {
  const { padTokenId, epsilon = 0, skipFirst = false } = options
  const [passages, length, vocabulary] = logits.shape
  const targets = shiftLeft(labels, padTokenId)
  const rows = logProbRows(logits)
  const likelihoods: number[] = []
  const smooth: number[] = [] // for each passage, the sum over all tokens of the vocabulary
  for (let z = 0; z < passages; z++) {
    let likelihood = 0
    let all = 0
    for (let t = 0; t < length; t++) {
      if (targets[t] === padTokenId) continue
      const row = rows(z * length + t)
      const prior = t === 1 ? docLogProbs[z] : 0
      if (!(skipFirst && t === 0)) likelihood += row.at(targets[t]) + prior
      if (epsilon > 0) all += row.sum() + vocabulary * prior
    }
    likelihoods.push(likelihood)
    smooth.push(all)
  }
  return smoothed(-logSumExpRow(likelihoods), -logSumExpRow(smooth), epsilon, vocabulary)
}

/** -Σ_t ln Σ_z p(z|x) p(y_t|x, z, y_<t) */
export function tokenLoss({ logits, docLogProbs, labels }: AnswerLogits, options: LossOptions): number {
  const { padTokenId, epsilon = 0 } = options
  const [, length, vocabulary] = logits.shape
  const targets = shiftLeft(labels, padTokenId)
  const mixed = rowMajor(mix(logits, docLogProbs)) // [target, vocabulary]
  let likelihood = 0
  let all = 0
  for (let t = 0; t < length; t++) {
    if (targets[t] === padTokenId) continue
    likelihood += mixed[t * vocabulary + targets[t]]
    if (epsilon > 0) for (let id = 0; id < vocabulary; id++) all += mixed[t * vocabulary + id]
  }
  return smoothed(-likelihood, -all, epsilon, vocabulary)
}

/** ln Σ_z p(z|x) p(y_t|x, z, y_<t) for every token: [passages, target, vocabulary] -> [target, vocabulary]. */
export function mix(logits: Float, docLogProbs: readonly number[]): Float {
  const [passages, length, vocabulary] = logits.shape
  if (docLogProbs.length !== passages) {
    throw new ShapeError('marginalize', `${docLogProbs.length} scores for logits ${showShape(logits.shape)}`)
  }
  const rows = logProbRows(logits)
  const { tensor, data } = output([length, vocabulary])
  const joint = new Float64Array(passages) // ln p(z|x) p(y_t|x, z, y_<t)
  for (let t = 0; t < length; t++) {
    const ofPassages = docLogProbs.map((_, z) => rows(z * length + t))
    for (let id = 0; id < vocabulary; id++) {
      for (let z = 0; z < passages; z++) joint[z] = docLogProbs[z] + ofPassages[z].at(id)
      data[t * vocabulary + id] = logSumExpRow(joint)
    }
  }
  return tensor
}

/** ln p(z|x) of each question: the log-softmax of its scores. [questions][passages] */
export function docLogProbs(docScores: Float): number[][] {
  return Array.from({ length: docScores.shape[0] }, (_, question) =>
    normalizeLog(docScores.select(0, question).toArray()),
  )
}

/** The targets of labels: each token's successor, and padding after the last. */
export function shiftLeft(labels: readonly number[], padTokenId: number): number[] {
  return [...labels.slice(1), padTokenId]
}

/** Log-probabilities of one row of logits. */
interface LogProbRow {
  at(id: number): number
  sum(): number
}

function logProbRows(logits: Float): (row: number) => LogProbRow {
  const data = rowMajor(logits)
  const width = logits.shape.at(-1)!
  return (index) => {
    const row = data.subarray(index * width, (index + 1) * width)
    const total = logSumExpRow(row)
    return {
      at: (id) => row[id] - total,
      sum: () => row.reduce((sum, value) => sum + (value - total), 0),
    }
  }
}

function smoothed(loss: number, uniform: number, epsilon: number, vocabulary: number): number {
  return epsilon === 0 ? loss : (1 - epsilon) * loss + (epsilon / vocabulary) * uniform
}
