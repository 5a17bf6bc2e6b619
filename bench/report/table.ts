/**
 * The table that the bench prints: a line for each row, in aligned columns, ratios first to the eye.
 */
import type { Row } from '../compare.js'
import type { Spread } from '../measure.js'

const HEADINGS = ['work', 'ours', 'peer', 'unit', 'ours: median (quartiles)', 'peer: median (quartiles)', 'ratio', '']
/** Columns of numbers, which end at the same place. */
const RIGHT = new Set([4, 5, 6])

export function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.work,
    row.ours,
    row.peer,
    row.unit,
    row.values.ours ? showSpread(row.values.ours) : '',
    row.values.peer ? showSpread(row.values.peer) : '',
    row.ratio ? `${showSpread(row.ratio)}x` : '-',
    [verdict(row), row.note].filter((part) => part !== undefined).join('; '),
  ])
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...cells.map((line) => line[column].length)),
  )
  const line = (texts: readonly string[]) =>
    texts
      .map((text, column) => (RIGHT.has(column) ? text.padStart(widths[column]) : text.padEnd(widths[column])))
      .join('  ')
      .trimEnd()
  return [line(HEADINGS), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n')
}

/** Whether target and limit are kept; undefined where there are none. */
export function verdict({ ratio, target, values, limit, unit }: Row): string | undefined {
  const parts: string[] = []
  if (target !== undefined) parts.push(judged(`target ${target}x`, ratio && ratio.median >= target))
  if (limit !== undefined) parts.push(judged(`limit ${limit} ${unit}`, values.ours && values.ours.median <= limit))
  return parts.length > 0 ? parts.join(', ') : undefined
}

function judged(wanted: string, met: boolean | undefined): string {
  return met === undefined ? wanted : `${wanted} ${met ? 'met' : 'MISSED'}`
}

/** `12.3 (11.9..12.8)`; a single number where nothing varies. */
function showSpread({ median, low, high }: Spread): string {
  if (low === high) return showNumber(median)
  return `${showNumber(median)} (${showNumber(low)}..${showNumber(high)})`
}

/** Three significant digits. */
export function showNumber(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value >= 0.01
        ? value.toFixed(2)
        : value.toPrecision(2)
}
