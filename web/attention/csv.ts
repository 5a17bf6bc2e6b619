/**
 * An attention map as CSV (RFC 4180): a line for each query, a column for each key, labelled by their tokens.
 */
import type { AttentionMap } from '../protocol.js'
import { rowOf, weightsOf, type HeadChoice } from './map-weights.js'

/** Weights with all digits of a float32. Tokens keep their leading space; those that a spreadsheet would run as a formula get a quote. */
export function toCsv(map: AttentionMap, head: HeadChoice): string {
  const weights = weightsOf(map, head)
  const heading = ['query \\ key', ...map.keys.map(({ text }) => text)]
  const rows = map.queries.map(({ text }, query) => [
    field(text),
    ...Array.from(rowOf(weights, query, map.keys.length), (weight) => String(Number(weight.toPrecision(9)))),
  ])
  return [heading.map(field), ...rows].map((line) => `${line.join(',')}\r\n`).join('')
}

function field(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
