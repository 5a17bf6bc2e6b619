/**
 * The rows that may be among the k best of a query, gathered from approximate scores that come in the order of the rows: all whose score is
 * not further below the k-th largest than the scores can be off. That one only rises, so a row that is left out stays out.
 */
import { InputError } from '../../errors.js'

/** Rows above which those that have fallen behind are taken out. */
const MANY = 16_384

export class Shortlist {
  readonly #slack: number
  /** The largest scores so far, at most k, largest first. */
  readonly #best: Float32Array
  #filled = 0
  #rows: number[] = []
  #scores: number[] = []
  #pruneAt = MANY

  /** @throws InputError unless k is a whole number of 1 or more */
  constructor(k: number, slack: number, count: number) {
    if (!Number.isSafeInteger(k) || k < 1) {
      throw new InputError('bad-k', `search: k is ${k}, expected a whole number of 1 or more`)
    }
    this.#slack = slack
    this.#best = new Float32Array(Math.min(k, count))
  }

  /**
   * Takes the scores of some rows.
   * @param first the row of the first of them
   * @param mask 0 for those of them that do not count
   */
  take(scores: Float32Array, first: number, mask: Uint8Array | undefined): void {
    let least = this.#least
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i]
      if (!(score >= least) || mask?.[i] === 0) continue
      this.#insert(score)
      this.#rows.push(first + i)
      this.#scores.push(score)
      least = this.#least
    }
    if (this.#rows.length > this.#pruneAt) this.#prune()
  }

  /** In their order. */
  rows(): readonly number[] {
    this.#prune()
    return this.#rows
  }

  get #least(): number {
    return this.#filled < this.#best.length ? -Infinity : this.#best[this.#filled - 1] - this.#slack
  }

  #insert(score: number): void {
    const best = this.#best
    if (this.#filled === best.length && score <= best[best.length - 1]) return
    let at = this.#filled < best.length ? this.#filled++ : best.length - 1
    for (; at > 0 && best[at - 1] < score; at--) best[at] = best[at - 1]
    best[at] = score
  }

  #prune(): void {
    const least = this.#least
    const kept = this.#scores.map((score) => score >= least)
    this.#rows = this.#rows.filter((_, i) => kept[i])
    this.#scores = this.#scores.filter((_, i) => kept[i])
    this.#pruneAt = Math.max(MANY, 2 * this.#rows.length)
  }
}
