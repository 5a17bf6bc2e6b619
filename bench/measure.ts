/**
 * Measures several programs that do the same work, interleaved: every round runs each of them once, in turning order, so that a
 * slow moment of the machine hits all alike. A ratio is formed within each round, before any median is taken.
 */

/** Does the work once. A number that it returns is the seconds it took: a child process keeps time itself. Anything else is ignored. */
export type Run = () => unknown

export interface RaceOptions {
  readonly rounds: number
  /** Least time that each program runs before the first round. */
  readonly warmUpSeconds: number
  /** A program that is faster than this is repeated within a round. */
  readonly roundSeconds: number
}

/** Median and quartiles. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** Seconds for one run of each program in each round: [program][round]. */
export async function race(programs: readonly Run[], options: RaceOptions): Promise<number[][]> {
  const repeats: number[] = []
  for (const run of programs) repeats.push(await warmUp(run, options))
  const seconds = programs.map((): number[] => [])
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < programs.length; turn++) {
      const index = (round + turn) % programs.length
      seconds[index].push((await repeat(programs[index], repeats[index])) / repeats[index])
    }
  }
  return seconds
}

/** Runs until the time is over, at least once, and returns how often the program fits a round. */
async function warmUp(run: Run, { warmUpSeconds, roundSeconds }: RaceOptions): Promise<number> {
  let spent = 0
  let fastest = Infinity
  do {
    const seconds = await repeat(run, 1)
    fastest = Math.min(fastest, seconds)
    spent += seconds
  } while (spent < warmUpSeconds)
  return Math.max(1, Math.round(roundSeconds / fastest))
}

async function repeat(run: Run, times: number): Promise<number> {
  let own = 0
  let keepsTime = false
  const start = performance.now()
  for (let i = 0; i < times; i++) {
    const seconds = await run()
    if (typeof seconds !== 'number') continue
    keepsTime = true
    own += seconds
  }
  return keepsTime ? own : (performance.now() - start) / 1000
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) }
}

/** Linear between the two nearest values. */
function quantile(sorted: readonly number[], at: number): number {
  const place = (sorted.length - 1) * at
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below)
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i]
    aa += a[i] * a[i]
    bb += b[i] * b[i]
  }
  return dot / Math.sqrt(aa * bb)
}
