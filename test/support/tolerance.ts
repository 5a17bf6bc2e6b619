/**
 * How close to the oracle a result has to be, in Node and in a page alike.
 */
import type { Float } from '../../src/tensor/ops/index.js'

export interface Tolerance {
  readonly abs: number
  readonly rel: number
}

/** Tolerances of test/goldens/README.md. */
export const TOLERANCE = {
  probabilities: { abs: 1e-5, rel: 0 },
  states: { abs: 1e-4, rel: 1e-5 },
  ops: { abs: 1e-5, rel: 1e-5 },
} as const satisfies Record<string, Tolerance>

/** Where shape or values differ by more than the tolerance, in words; undefined where they do not. */
export function firstDifference(got: Float | undefined, wanted: Float, tolerance: Tolerance): string | undefined {
  const [gotShape, wantedShape] = [got?.shape, wanted.shape].map((shape) => JSON.stringify(shape))
  if (!got || gotShape !== wantedShape) return `shape is ${gotShape}, expected ${wantedShape}`
  const left = got.toArray()
  const right = wanted.toArray()
  const index = right.findIndex((value, i) => !isClose(left[i], value, tolerance))
  return index < 0 ? undefined : `element ${index} is ${left[index]}, expected ${right[index]}`
}

function isClose(got: number, wanted: number, { abs, rel }: Tolerance): boolean {
  if (Object.is(got, wanted)) return true
  return Math.abs(got - wanted) <= abs + rel * Math.abs(wanted)
}
