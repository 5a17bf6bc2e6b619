/**
 * Reading an attention map: the weights of one head or of all together, a row, its largest weights, and the head that a pair of tokens
 * shows most in.
 */
import type { AttentionMap, AttentionName, Token } from '../protocol.js'

/** A head, or the mean over all heads. */
export type HeadChoice = number | 'mean'

export interface Cell {
  readonly query: number
  readonly key: number
}

/** [query, key]; a view for a head. */
export function weightsOf({ probs, numHeads, queries, keys }: AttentionMap, head: HeadChoice): Float32Array {
  const size = queries.length * keys.length
  if (head !== 'mean') return probs.subarray(head * size, (head + 1) * size)
  const mean = new Float32Array(size)
  for (const [i, weight] of probs.entries()) mean[i % size] += weight / numHeads
  return mean
}

/** One query's weights, [key]; a view. */
export function rowOf(weights: Float32Array, query: number, keys: number): Float32Array {
  return weights.subarray(query * keys, (query + 1) * keys)
}

/** The keys with the largest weights, largest first. */
export function strongestKeys(row: Float32Array, count: number): { readonly key: number; readonly weight: number }[] {
  return Array.from(row, (weight, key) => ({ key, weight }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, count)
}

/** The head in which a query looks most at a key, among maps over the same tokens. */
export function strongestHead(
  maps: readonly AttentionMap[],
  { query, key }: Cell,
): { readonly attention: AttentionName; readonly head: number; readonly weight: number } | undefined {
  const heads = maps.flatMap((map) =>
    Array.from({ length: map.numHeads }, (_, head) => ({
      attention: map.attention,
      head,
      weight: rowOf(weightsOf(map, head), query, map.keys.length)[key],
    })),
  )
  return heads.sort((a, b) => b.weight - a.weight)[0]
}

/** The token that was written when a decoder's query was the last one read; undefined in an encoder and at the end. */
export function writtenAfter({ attention, queries }: AttentionMap, query: number): Token | undefined {
  return attention.startsWith('decoder.') ? queries[query + 1] : undefined
}

export function headName(head: HeadChoice): string {
  return head === 'mean' ? 'mean of all heads' : `head ${head}`
}
