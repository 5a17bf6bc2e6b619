/**
 * What a long run tells: resident memory by how much has been done, and whether it grew.
 */

/** [done, resident bytes] */
export type Sample = readonly [done: number, bytes: number]

export interface LongRun {
  readonly name: string
  /** What was counted: cycles, requests, questions. */
  readonly unit: string
  readonly seconds: number
  readonly samples: readonly Sample[]
}

/** What is done before memory is held against the end: code is compiled and caches are filled then. */
export const FIRST = 100
/** Share of the run that an end is: a single look at the memory says less than the median of some. */
const WINDOW = 0.05
/** Memory may have grown by so much. */
export const ALLOWED = 0.05

export interface Growth {
  /** Bytes: medians after the first hundred, and at the end. */
  readonly first: number
  readonly last: number
  /** Most at any look. */
  readonly most: number
  /** last / first - 1 */
  readonly growth: number
}

/** Compares the time after the first hundred, or after the first tenth of a run that is shorter than a thousand, with the end. */
export function growthOf(samples: readonly Sample[]): Growth {
  const begin = Math.min(FIRST, samples.at(-1)![0] / 10)
  const width = Math.ceil(samples.length * WINDOW)
  const from = samples.findIndex(([done]) => done >= begin)
  const typical = (some: readonly Sample[]) => median(some.map(([, bytes]) => bytes))
  const [first, last] = [typical(samples.slice(from, from + width)), typical(samples.slice(-width))]
  return { first, last, most: Math.max(...samples.map(([, bytes]) => bytes)), growth: last / first - 1 }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

/** The looks at 1, 2 and 5 times the powers of ten, and the last, for a chart whose axis is logarithmic. */
export function charted(samples: readonly Sample[]): Sample[] {
  const last = samples.at(-1)!
  const marks = new Set([1, 2, 5].flatMap((digit) => [1, 10, 100, 1000, 10_000].map((power) => digit * power)))
  return samples.filter((sample) => marks.has(sample[0]) || sample === last)
}
