/**
 * One piece of work, ours against its peers: prepares each, checks that all compute the same, measures them in one race and
 * returns a row for each peer. A peer that is missing or fails becomes a row that says why; nothing here stops the bench.
 */
import { cosine, race, spread, type RaceOptions, type Run, type Spread } from './measure.js'

export interface Row {
  readonly group: string
  readonly work: string
  readonly ours: string
  readonly peer: string
  /** Of both values: `GFLOP/s`, `ms`, `kB`. */
  readonly unit: string
  readonly values: { readonly ours?: Spread; readonly peer?: Spread }
  /** How many times better than the peer we are, in whichever direction better is. */
  readonly ratio: Spread | undefined
  /** The ratio that we want to reach. */
  readonly target: number | undefined
  /** What our value is to stay below. */
  readonly limit: number | undefined
  /** Why there is no ratio, or what else to know. */
  readonly note: string | undefined
}

export interface Prepared {
  readonly run: Run
  /** What the run computes, to be compared with ours. */
  readonly result?: () => Promise<ArrayLike<number>>
  readonly close?: () => Promise<void> | void
}

export interface Entrant {
  readonly name: string
  readonly target?: number
  /** Least cosine between its result and ours. Default 0.9999. */
  readonly agreement?: number
  readonly note?: string
  /** @throws when it cannot run here; the message becomes the row's note */
  readonly prepare: () => Promise<Prepared> | Prepared
}

export interface Comparison {
  readonly group: string
  readonly work: string
  readonly unit: string
  /** The value to show, from the seconds that one run takes. */
  readonly value: (seconds: number) => number
  /** What our value is to stay below, where there is such a limit. */
  readonly limit?: number
  readonly ours: Entrant
  readonly peers: readonly Entrant[]
}

interface Ready extends Prepared {
  readonly entrant: Entrant
}

export async function compare(comparison: Comparison, options: RaceOptions): Promise<Row[]> {
  const { ours, peers } = comparison
  const without = (entrant: Entrant, note: string) => emptyRow(comparison, entrant, note)
  const mine = await ready(ours)
  if (typeof mine === 'string') return peers.map((peer) => without(peer, mine))

  const opened = [mine]
  const racers: Ready[] = []
  const problems = new Map<Entrant, string>()
  try {
    const wanted = await mine.result?.()
    for (const peer of peers) {
      const prepared = await ready(peer)
      if (typeof prepared === 'string') {
        problems.set(peer, prepared)
        continue
      }
      opened.push(prepared)
      const problem = await problemOf(prepared, wanted)
      if (problem === undefined) racers.push(prepared)
      else problems.set(peer, problem)
    }
    const [own, ...theirs] = await race(
      [mine, ...racers].map(({ run }) => run),
      options,
    )
    return peers.map((peer) => {
      const lane = racers.findIndex(({ entrant }) => entrant === peer)
      return fullRow(comparison, peer, own, theirs[lane], problems.get(peer))
    })
  } catch (error) {
    return peers.map((peer) => without(peer, problems.get(peer) ?? firstLine(error)))
  } finally {
    for (const { close } of opened) await close?.()
  }
}

/** The prepared entrant, or why there is none. */
async function ready(entrant: Entrant): Promise<Ready | string> {
  try {
    return { ...(await entrant.prepare()), entrant }
  } catch (error) {
    return firstLine(error)
  }
}

/** Why the peer does not take part: it fails, or computes something else. */
async function problemOf(peer: Ready, wanted: ArrayLike<number> | undefined): Promise<string | undefined> {
  try {
    if (!wanted || !peer.result) {
      await peer.run()
      return undefined
    }
    const got = await peer.result()
    if (got.length !== wanted.length) return `not the same work: ${got.length} numbers, ours are ${wanted.length}`
    const similarity = cosine(got, wanted)
    if (similarity >= (peer.entrant.agreement ?? 0.9999)) return undefined
    return `not the same result: cosine ${similarity.toFixed(5)}`
  } catch (error) {
    return firstLine(error)
  }
}

/** `their` is undefined for a peer that does not run, whose `problem` is then the note. */
function fullRow(
  comparison: Comparison,
  peer: Entrant,
  own: readonly number[],
  their: readonly number[] | undefined,
  problem: string | undefined,
): Row {
  const shown = (seconds: readonly number[]) => spread(seconds.map(comparison.value))
  return {
    ...emptyRow(comparison, peer, problem ?? peer.note),
    values: { ours: shown(own), peer: their && shown(their) },
    ratio: their && spread(own.map((seconds, round) => their[round] / seconds)),
  }
}

/** A row without numbers. */
export function emptyRow(comparison: Omit<Comparison, 'value'>, { name, target }: Entrant, note?: string): Row {
  const { group, work, unit, limit, ours } = comparison
  return { group, work, unit, ours: ours.name, peer: name, values: {}, ratio: undefined, target, limit, note }
}

export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const line = text.split('\n')[0]
  return line.length > 160 ? `${line.slice(0, 157)}...` : line
}
