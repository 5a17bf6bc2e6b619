/**
 * An attention map as CSV (RFC 4180): a line for each query, a column for each key, labelled by their tokens.
 */
import type { AttentionMap } from '../protocol.js'
import { toCsv } from '../csv.js'
import { rowOf, weightsOf, type HeadChoice } from './map-weights.js'

/** Weights with all digits of a float32. Tokens keep their leading space; those that a spreadsheet would run as a formula get a quote. */
export function mapToCsv(map: AttentionMap, head: HeadChoice): string {
  const weights = weightsOf(map, head)
  const heading = ['query \\ key', ...map.keys.map(({ text }) => text)]
  const rows = map.queries.map(({ text }, query) => [
    text,
    ...Array.from(rowOf(weights, query, map.keys.length), (weight) => Number(weight.toPrecision(9))),
  ])
  return toCsv([heading, ...rows])
}
