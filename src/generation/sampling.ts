/**
 * Sampling: what the scores go through before a token is drawn, and the draw. A small generator of our own makes runs repeatable on
 * every platform.
 */
import type { LogitsProcessor } from './options.js'
import type { Settings } from './settings.js'

/** The processors of sampling, in the order of transformers. Tokens that are cut off get -Infinity; one always stays. */
export function samplingProcessors({
  temperature = 1,
  topK,
  topP = 1,
  minP = 0,
}: Pick<Settings, 'temperature' | 'topK' | 'topP' | 'minP'>): LogitsProcessor[] {
  const list: LogitsProcessor[] = []
  if (temperature !== 1) {
    list.push((scores) => {
      for (let i = 0; i < scores.length; i++) scores[i] /= temperature
    })
  }
  if (topK > 0) list.push((scores) => keepBest(scores, topK))
  if (topP < 1) list.push((scores) => keepNucleus(scores, topP))
  if (minP > 0) list.push((scores) => keepLikely(scores, minP))
  return list
}

/** The k best, with all that equal the k-th (Fan et al. 2018, https://arxiv.org/abs/1805.04833). */
function keepBest(scores: Float32Array, k: number): void {
  if (k >= scores.length) return
  const least = scores.toSorted()[scores.length - k]
  for (let i = 0; i < scores.length; i++) if (scores[i] < least) scores[i] = -Infinity
}

/**
 * The best tokens that together have the probability p (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751): those are dropped
 * whose probability, with that of all worse ones, is at most 1 - p.
 */
function keepNucleus(scores: Float32Array, p: number): void {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b] || a - b) // worst first
  const probabilities = softmax(scores)
  let sum = 0
  for (const at of order.subarray(0, -1)) {
    sum += probabilities[at]
    if (sum > 1 - p) return
    scores[at] = -Infinity
  }
}

/** Tokens with at least the share p of the best one's probability (Nguyen et al. 2024, https://arxiv.org/abs/2407.01082). */
function keepLikely(scores: Float32Array, p: number): void {
  const best = largest(scores)
  for (let i = 0; i < scores.length; i++) if (Math.exp(scores[i] - best) < p) scores[i] = -Infinity
}

/** Index of a token, drawn with the probabilities softmax(scores). */
export function draw(scores: Float32Array, random: () => number): number {
  const probabilities = softmax(scores)
  let rest = random()
  let last = 0
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] === 0) continue
    last = i
    rest -= probabilities[i]
    if (rest < 0) return i
  }
  return last // the probabilities sum to a little less than 1
}

function softmax(scores: Float32Array): Float64Array {
  const best = largest(scores)
  const weights = Float64Array.from(scores, (score) => Math.exp(score - best))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

function largest(scores: Float32Array): number {
  return scores.reduce((best, score) => Math.max(best, score), -Infinity)
}

/** Numbers from 0 to 1 (exclusive) with 32 random bits: sfc32 (Doty-Humphrey, PractRand), one stream for each seed and row. */
export function randomStream(seed: number, row: number): () => number {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = row | 0
  let counter = 1
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 15; i++) next() // until all bits of the seed have mixed
  return next
}

/** A seed for a run that was given none. */
export function anySeed(): number {
  return Math.floor(Math.random() * 2 ** 32)
}
