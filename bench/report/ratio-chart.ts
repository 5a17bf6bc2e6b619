/**
 * All ratios in one picture: a bar from 1 (equal) to the median, on a logarithmic axis, with a whisker over the quartiles and a tick at
 * the target.
 */
import type { Row } from '../compare.js'
import type { Group } from '../group.js'
import { element, label, logScale, logTicks, picture, round, rule } from './svg.js'
import { showNumber } from './table.js'

/** Of the bars' part; names stand left of it and numbers right. */
const BARS = 440
const NUMBERS = 120
const LETTER = 6.6
const ROW = 18
const TOP = 64

export function ratioChart(rows: readonly Row[], groups: readonly Group[], subtitle: string): string {
  const ratios = rows.flatMap(({ ratio, target }) => (ratio ? [ratio.low, ratio.high, target ?? 1] : []))
  const low = Math.min(0.5, ...ratios)
  const high = Math.max(2, ...ratios)
  const left = 28 + LETTER * Math.max(0, ...rows.map((row) => nameOf(row).length))
  const x = logScale(low, high, left, left + BARS)
  const parts: string[] = []
  let y = TOP
  for (const { name, title } of groups) {
    const own = rows.filter(({ group }) => group === name)
    if (own.length === 0) continue
    y += ROW
    parts.push(label(16, y, title, { class: 'head' }))
    for (const row of own) {
      y += ROW
      parts.push(...bar(row, left, x, y))
    }
    y += ROW / 2
  }
  const ticks = logTicks(low, high)
  const sparse = ticks.length > 9 ? ticks.filter((tick) => Number.isInteger(Math.log10(tick))) : ticks
  const axis = sparse.flatMap((tick) => [
    rule(x(tick), TOP, x(tick), y, { class: tick === 1 ? 'one' : 'line' }),
    label(x(tick), TOP - 6, `${tick}x`, { class: 'soft', 'text-anchor': 'middle' }),
  ])
  const heading = [
    label(16, 24, 'glassformer against its peers: over 1x is better', { class: 'title' }),
    label(16, 42, subtitle, { class: 'soft' }),
  ]
  return picture(round(left + BARS + NUMBERS), y + ROW, 'Ratios of glassformer to its peers', [
    ...heading,
    ...axis,
    ...parts,
  ])
}

function nameOf({ work, peer }: Row): string {
  return `${work} / ${peer}`
}

function bar(row: Row, left: number, x: (value: number) => number, y: number): string[] {
  const { ratio, target } = row
  const middle = y - 4
  const name = label(left - 12, y, nameOf(row), { 'text-anchor': 'end' })
  if (!ratio) return [name, label(x(1) + 6, y, 'not measured', { class: 'soft' })]
  const [from, to] = [x(1), x(ratio.median)].sort((a, b) => a - b)
  const colour = ratio.median >= (target ?? 1) ? 'var(--good)' : 'var(--bad)'
  const marks = [
    name,
    element('rect', { x: round(from), y: middle - 5, width: round(to - from), height: 10, style: `fill: ${colour}` }),
    rule(x(ratio.low), middle, x(ratio.high), middle, { class: 'one' }),
  ]
  if (target !== undefined) {
    marks.push(rule(x(target), middle - 7, x(target), middle + 7, { class: 'one', 'stroke-dasharray': '2 2' }))
  }
  const text = `${showNumber(ratio.median)}x${target === undefined ? '' : ` (target ${target}x)`}`
  return [...marks, label(Math.max(to, x(ratio.high)) + 6, y, text)]
}
