/**
 * Lines over a quantity, both axes logarithmic; each line's name stands at its end.
 */
import type { LineChart } from '../group.js'
import { element, label, logScale, logTicks, picture, round, rule } from './svg.js'
import { showNumber } from './table.js'

const WIDTH = 760
const HEIGHT = 420
const BOX = { left: 72, right: 560, top: 56, bottom: 370 }
const COLOURS = ['var(--a)', 'var(--b)', 'var(--c)', 'var(--d)', 'var(--e)', 'var(--f)']
/** Told apart without colour, too. */
const DASHES = ['none', '6 3', '2 3', '8 3 2 3', '12 4', '1 4']

export function lineChart({ title, x: xName, y: yName, series }: LineChart): string {
  const points = series.flatMap((one) => one.points)
  if (points.length === 0) return picture(WIDTH, 60, title, [label(16, 24, `${title}: not measured`)])
  const xs = points.map(([x]) => x)
  const ys = points.map(([, y]) => y)
  const [lowX, highX] = [Math.min(...xs), Math.max(...xs)]
  const [lowY, highY] = [Math.min(...ys) / 1.2, Math.max(...ys) * 1.2]
  const x = logScale(lowX, highX, BOX.left, BOX.right)
  const y = logScale(lowY, highY, BOX.bottom, BOX.top)

  const grid = [
    ...[...new Set(xs)].map((value) =>
      label(x(value), BOX.bottom + 18, String(value), { class: 'soft', 'text-anchor': 'middle' }),
    ),
    ...logTicks(lowY, highY).flatMap((value) => [
      rule(BOX.left, y(value), BOX.right, y(value)),
      label(BOX.left - 8, y(value) + 4, showNumber(value), { class: 'soft', 'text-anchor': 'end' }),
    ]),
  ]
  const lines = series.flatMap(({ points: own }, i) => {
    const style = `stroke: ${COLOURS[i % COLOURS.length]}; fill: none; stroke-width: 2; stroke-dasharray: ${DASHES[i % DASHES.length]}`
    const path = own.map(([px, py]) => `${round(x(px))},${round(y(py))}`).join(' ')
    return [element('polyline', { points: path, style })]
  })
  return picture(WIDTH, HEIGHT, title, [
    label(16, 24, title, { class: 'title' }),
    label(BOX.left, 44, yName, { class: 'soft' }),
    label(BOX.right, BOX.bottom + 38, xName, { class: 'soft', 'text-anchor': 'end' }),
    ...grid,
    ...lines,
    ...names(series, y),
  ])
}

/** Names at the lines' ends, pushed apart where lines meet. */
function names(series: LineChart['series'], y: (value: number) => number): string[] {
  const ends = series
    .flatMap(({ name, points }, i) => (points.length > 0 ? [{ name, at: y(points.at(-1)![1]) + 4, i }] : []))
    .sort((a, b) => a.at - b.at)
  let last = -Infinity
  return ends.map(({ name, at, i }) => {
    last = Math.max(at, last + 15)
    return label(BOX.right + 10, last, name, { style: `fill: ${COLOURS[i % COLOURS.length]}` })
  })
}
