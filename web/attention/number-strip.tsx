/**
 * A vector as a strip of bars, up for positive numbers and down for negative ones. Strips of one width lie above each other, so that the bars
 * of one component form a column.
 */
import type { TargetedPointerEvent } from 'preact'
import { fixed } from './digits.js'

export interface NumberStripProps {
  /** What stands before the strip: `q`. */
  readonly name: string
  readonly values: ArrayLike<number>
  /** The component that is marked. */
  readonly marked: number
  readonly onMark: (index: number) => void
}

/** Units of the drawing: a bar and its height to either side. */
const BAR = 10
const HALF = 20

export function NumberStrip({ name, values, marked, onMark }: NumberStripProps) {
  const list = Array.from(values)
  const most = Math.max(...list.map(Math.abs)) || 1
  const width = list.length * BAR
  const mark = (event: TargetedPointerEvent<SVGSVGElement>) => {
    const { left, width: wide } = event.currentTarget.getBoundingClientRect()
    const index = Math.floor(((event.clientX - left) / wide) * list.length)
    if (index >= 0 && index < list.length) onMark(index)
  }
  return (
    <div class="number-strip">
      <span class="number-strip-name">{name}</span>
      <svg
        viewBox={`0 ${-HALF} ${width} ${2 * HALF}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}: ${list.length} numbers, largest size ${fixed(most)}`}
        onPointerMove={mark}
        onPointerDown={mark}
      >
        <rect class="number-strip-mark" x={marked * BAR} y={-HALF} width={BAR} height={2 * HALF} />
        <line x1="0" x2={width} y1="0" y2="0" />
        {list.map((value, i) => {
          const height = (Math.abs(value) / most) * (HALF - 1)
          const from = value < 0 ? 0 : -height
          return (
            <rect
              key={i}
              class={value < 0 ? 'is-negative' : undefined}
              x={i * BAR + 1.5}
              y={from}
              width={BAR - 3}
              height={height}
            />
          )
        })}
      </svg>
      <output class="number">{fixed(list[marked], 4)}</output>
    </div>
  )
}
