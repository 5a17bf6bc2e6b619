/**
 * Checks of a cell: the steps of attention done again from the numbers that are shown, in float64, beside the engine's own results. They differ
 * by the rounding of float32; a bound for it says when a difference is more than that.
 */
import type { AttentionCell } from '../protocol.js'

/** Relative rounding of float32. */
const EPSILON = 2 ** -23
/** Below it float32 loses digits, and kernels may give 0. */
const SMALLEST = 2 ** -126

export interface Check {
  readonly shown: number
  readonly engine: number
  readonly difference: number
  /** Whether rounding explains the difference. */
  readonly isRounding: boolean
}

/** qᵢ·kᵢ, [headDim] */
export function products({ q, k }: AttentionCell): Float64Array {
  return Float64Array.from(q, (x, i) => x * k[i])
}

/** Σ qᵢ·kᵢ · scale + bias; a hidden key's score is −∞ on both sides. */
export function checkScore(cell: AttentionCell): Check {
  const { scale, bias, score } = cell
  const terms = products(cell)
  const size = terms.reduce((sum, x) => sum + Math.abs(x), 0) * Math.abs(scale)
  const bound = EPSILON * (terms.length * size + Math.abs(bias) + Math.abs(score))
  return compare(sum(terms) * scale + bias, score, bound)
}

/** exp(score − max) / Σ exp(scoreⱼ − max), and its parts. */
export function softmaxParts({ rowScores, key }: Pick<AttentionCell, 'rowScores' | 'key'>): {
  readonly max: number
  readonly numerator: number
  readonly denominator: number
} {
  const max = Math.max(...rowScores)
  const exponentials = Float64Array.from(rowScores, (score) => Math.exp(score - max))
  return { max, numerator: exponentials[key], denominator: sum(exponentials) }
}

export function checkProb(cell: AttentionCell): Check {
  const { max, numerator, denominator } = softmaxParts(cell)
  const shown = numerator / denominator
  // exp turns the absolute rounding of its argument into a relative one
  const size = cell.rowProbs.length + Math.abs(max) + Math.abs(Math.max(cell.score, max - 100))
  return compare(shown, cell.prob, 4 * EPSILON * size * shown + SMALLEST)
}

function compare(shown: number, engine: number, bound: number): Check {
  if (shown === engine) return { shown, engine, difference: 0, isRounding: true }
  const difference = Math.abs(shown - engine)
  return { shown, engine, difference, isRounding: difference <= bound }
}

function sum(terms: Float64Array): number {
  return terms.reduce((total, x) => total + x, 0)
}
