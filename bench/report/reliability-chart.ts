/**
 * Reliability diagrams: what was predicted against what happened, a mark for each bin with its count beside it. On the diagonal, a probability
 * means what it says.
 */
import type { Calibration } from '../quality/measures.js'
import { element, label, picture, round, rule } from './svg.js'

export interface ReliabilityPanel {
  readonly title: string
  readonly predicted: string
  readonly happened: string
  readonly series: readonly { readonly name: string; readonly calibration: Calibration }[]
}

const SIDE = 300
const PANEL = 400
const TOP = 92
const LEFT = 64
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1]
const COLOURS = ['var(--a)', 'var(--b)']

export function reliabilityChart(title: string, panels: readonly ReliabilityPanel[]): string {
  const parts = panels.flatMap((panel, i) => drawPanel(panel, LEFT + i * PANEL))
  const bottom = TOP + SIDE + 64 + 18 * Math.max(...panels.map(({ series }) => series.length))
  return picture(panels.length * PANEL + 24, bottom, title, [label(16, 24, title, { class: 'title' }), ...parts])
}

function drawPanel({ title, predicted, happened, series }: ReliabilityPanel, left: number): string[] {
  const x = (value: number) => left + value * SIDE
  const y = (value: number) => TOP + (1 - value) * SIDE
  const grid = TICKS.flatMap((tick) => [
    rule(x(0), y(tick), x(1), y(tick)),
    label(x(0) - 8, y(tick) + 4, tick.toFixed(1), { class: 'soft', 'text-anchor': 'end' }),
    label(x(tick), y(0) + 18, tick.toFixed(1), { class: 'soft', 'text-anchor': 'middle' }),
  ])
  return [
    label(left, 54, title, { class: 'head' }),
    label(left, 76, happened, { class: 'soft' }),
    label(x(1), y(0) + 36, predicted, { class: 'soft', 'text-anchor': 'end' }),
    ...grid,
    rule(x(0), y(0), x(1), y(1), { class: 'one' }),
    ...series.flatMap(({ name, calibration: { bins, ece, brier, predictions } }, i) => {
      const style = `fill: ${COLOURS[i]}`
      const entry = `${i === 0 ? '●' : '■'} ${name}: ${predictions} predictions, ECE ${ece.toFixed(3)}, Brier ${brier.toFixed(3)}`
      return [
        ...bins.flatMap(({ count, predicted: px, happened: py }) => [
          i === 0
            ? element('circle', { cx: round(x(px)), cy: round(y(py)), r: 5, style })
            : element('rect', { x: round(x(px) - 5), y: round(y(py) - 5), width: 10, height: 10, style }),
          label(x(px) + 8, y(py) + (i === 0 ? -6 : 14), String(count), { style }),
        ]),
        label(left, y(0) + 60 + 18 * i, entry, { style }),
      ]
    }),
  ]
}
