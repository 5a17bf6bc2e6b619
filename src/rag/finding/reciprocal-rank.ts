/**
 * Reciprocal rank fusion: one ranking made of several whose scores cannot be compared. What stands at rank r of a ranking gets 1 / (k + r)
 * from it, and the sum decides. Cormack, Clarke and Büttcher 2009, https://doi.org/10.1145/1571941.1572114.
 */

/** What the paper found to work for all of its collections. */
const RRF_K = 60

/** A place in the fused ranking. */
export interface FusedRank {
  readonly id: string
  /** Σ 1 / (k + rank) over the rankings that have it, with ranks from 1. */
  readonly score: number
}

/** @param rankings ids, best first, each at most once. Equal sums keep the order in which they are met. */
export function fuseRankings(rankings: readonly (readonly string[])[], k = RRF_K): FusedRank[] {
  const sums = new Map<string, number>()
  for (const ranking of rankings) {
    ranking.forEach((id, i) => sums.set(id, (sums.get(id) ?? 0) + 1 / (k + i + 1)))
  }
  return [...sums].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score)
}
