/**
 * Beam search: for each input the numBeams best beginnings are kept and all continued at once. What counts as finished, when the
 * search ends and how ties with running beams are resolved is that of transformers 4.57, so that ids and scores are equal.
 */
import { checkpoint } from '../event-loop.js'
import { rowMajor } from '../tensor/ops/float.js'
import { logSumExpRow } from '../tensor/ops/index.js'
import type { Decoding } from './decoder.js'
import type { Settings } from './settings.js'
import { logitsProcessors } from './logits-processors.js'
import { stopping, type HasEnded } from './stopping.js'

/** A sequence found by a search. */
export interface Hypothesis {
  /** Tokens with the prompt. */
  readonly sequence: readonly number[]
  /** Log-probability of each new token, after the processors. */
  readonly logProbs: readonly number[]
  /** Log-probability of the new tokens over their number^lengthPenalty. */
  readonly score: number
}

interface Beam {
  readonly sequence: readonly number[]
  readonly logProbs: readonly number[]
  /** Sum of the log-probabilities. */
  readonly total: number
}

/** A beam and one more token. */
interface Candidate {
  /** Index of the beam. */
  readonly beam: number
  readonly token: number
  readonly logProb: number
  readonly total: number
}

/** The best numReturnSequences hypotheses of each input, best first. [inputs][hypotheses] */
export async function beamSearch(
  { decoder, prompt, source }: Decoding,
  settings: Settings,
  signal?: AbortSignal,
): Promise<Hypothesis[][]> {
  const { numBeams, numReturnSequences } = settings
  const processors = logitsProcessors(settings, source)
  const hasEnded = stopping(settings)
  const searches = prompt.map((sequence) => new InputSearch(sequence, settings, hasEnded))
  let unread = prompt
  for (let step = 0; ; step++) {
    await checkpoint(signal, 'the generation')
    const logits = await decoder.next(unread) // [inputs * numBeams, vocabulary]; at first one row for each input
    const width = logits.shape[1]
    const data = rowMajor(logits)
    const parents: number[] = []
    for (const [input, search] of searches.entries()) {
      const rowOf = (beam: number) => (step === 0 ? input : input * numBeams + beam)
      const scores = search.running.map(({ sequence }, beam) => {
        const row = data.slice(rowOf(beam) * width, (rowOf(beam) + 1) * width)
        const total = logSumExpRow(row)
        for (let id = 0; id < width; id++) row[id] -= total
        for (const process of processors) process(row, sequence, input)
        return row
      })
      parents.push(...search.step(scores).map(rowOf))
    }
    // All inputs go on until the last is done: a search that cannot improve takes nothing more in.
    if (searches.every(({ canImprove }) => !canImprove)) break
    if (settings.earlyStopping === true && searches.every(({ isFull }) => isFull)) break
    if (searches.every(({ allEnded }) => allEnded)) break
    decoder.reorder(parents)
    unread = searches.flatMap(({ running }) => running.map(({ sequence }) => sequence.slice(-1)))
  }
  return searches.map(({ finished }) => finished.slice(0, numReturnSequences))
}

/**
 * What stands for the log-probability of the impossible: below every other, and still a number. Where rules forbid all but a few
 * tokens, there are fewer beams than numBeams, and such ones are returned.
 */
const NEVER = -1e9

/** The search for one input. */
class InputSearch {
  readonly #settings: Settings
  readonly #hasEnded: HasEnded
  running: readonly Beam[]
  /** The best that have ended, best first, and then, up to numBeams, places for more. */
  finished: readonly (Hypothesis & { readonly ended: boolean })[]
  /** Whether a running beam may still become better than the worst finished sequence. */
  canImprove = true
  /** Whether every candidate of the last step has ended. */
  allEnded = false

  constructor(sequence: readonly number[], settings: Settings, hasEnded: HasEnded) {
    this.#settings = settings
    this.#hasEnded = hasEnded
    const places = Array.from({ length: settings.numBeams }, (_, beam) => beam)
    // All beams begin equal; that all but one are impossible makes them part.
    this.running = places.map((beam) => ({ sequence, logProbs: [], total: beam === 0 ? 0 : NEVER }))
    this.finished = places.map(() => ({ sequence, logProbs: [], score: NEVER, ended: false }))
  }

  get isFull(): boolean {
    return this.finished.every(({ ended }) => ended)
  }

  /** Takes the next token's scores [beams][vocabulary]; returns, for each beam that goes on, the beam that it goes on from. */
  step(scores: readonly Float32Array[]): number[] {
    const { numBeams, earlyStopping, lengthPenalty, eosTokenIds, maxLength, promptLength } = this.#settings
    // So many that numBeams can go on even if the best ones all end here.
    const kept = Math.max(2, 1 + eosTokenIds.length) * numBeams
    const candidates = best(scores, this.running, kept).map((candidate) => {
      const { sequence, logProbs } = this.running[candidate.beam]
      const longer = [...sequence, candidate.token]
      return {
        ...candidate,
        ended: this.#hasEnded(longer),
        sequence: longer,
        logProbs: [...logProbs, candidate.logProb],
      }
    })
    const length = this.running[0].sequence.length + 1 - promptLength
    const isClosed = !this.canImprove || (earlyStopping === true && this.isFull)
    if (!isClosed) {
      const ended = candidates
        .slice(0, numBeams)
        .filter((candidate) => candidate.ended)
        .map(({ sequence, logProbs, total }) => ({
          sequence,
          logProbs,
          score: total / length ** lengthPenalty,
          ended: true,
        }))
      this.finished = [...this.finished, ...ended].sort((a, b) => b.score - a.score).slice(0, numBeams)
    }
    const goingOn = candidates
      .map((candidate) => (candidate.ended ? { ...candidate, total: candidate.total + NEVER } : candidate))
      .sort((a, b) => b.total - a.total)
      .slice(0, numBeams)
    this.running = goingOn
    this.allEnded = candidates.every(({ ended }) => ended)
    const hypothetical = earlyStopping === 'never' && lengthPenalty > 0 ? maxLength - promptLength : length
    const bestPossible = goingOn[0].total / hypothetical ** lengthPenalty
    this.canImprove &&= !this.isFull || bestPossible > this.finished.at(-1)!.score
    return goingOn.map(({ beam }) => beam)
  }
}

/** The `count` best continuations, best first. */
function best(scores: readonly Float32Array[], beams: readonly Beam[], count: number): Candidate[] {
  const found: Candidate[] = []
  let least = -Infinity
  for (const [beam, row] of scores.entries()) {
    const before = beams[beam].total
    for (let token = 0; token < row.length; token++) {
      const total = before + row[token]
      if (found.length >= count && !(total > least)) continue
      let at = found.length
      while (at > 0 && found[at - 1].total < total) at--
      found.splice(at, 0, { beam, token, logProb: row[token], total })
      if (found.length > count) found.pop()
      least = found.at(-1)!.total
    }
  }
  return found
}
