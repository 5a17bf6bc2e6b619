/**
 * The arithmetic that the lessons do by hand, on plain arrays of numbers.
 */
import type { Float } from 'glassformer'

/** A tensor [rows, columns] as arrays. */
export function matrix(tensor: Float): number[][] {
  return Array.from({ length: tensor.shape[0] }, (_, row) => tensor.select(0, row).toArray())
}

/** Σ a_i b_i (lesson 1). */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** The cosine of the angle between two vectors: 1 for the same direction, 0 for a right angle (lesson 1). */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

/** e^x_i / Σ e^x_j (lesson 2). The largest is taken away first: that changes no share and keeps e^x from overflowing. */
export function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores)
  const exps = scores.map((score) => Math.exp(score - largest))
  const sum = exps.reduce((a, b) => a + b, 0)
  return exps.map((exp) => exp / sum)
}

/** Σ weight_i vector_i (lesson 2). */
export function weightedSum(weights: readonly number[], vectors: readonly (readonly number[])[]): number[] {
  return vectors[0].map((_, column) =>
    dot(
      weights,
      vectors.map((vector) => vector[column]),
    ),
  )
}

/** The mean of vectors. */
export function mean(vectors: readonly (readonly number[])[]): number[] {
  return weightedSum(new Array<number>(vectors.length).fill(1 / vectors.length), vectors)
}

/** The positions of the largest values, largest first. */
export function largest(values: readonly number[], count: number): number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[b] - values[a])
  return order.slice(0, count)
}
