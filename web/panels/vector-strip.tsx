/**
 * A vector as a strip of bars, up for positive and down for negative numbers. One number is read out at a time: under the pointer, or with the
 * arrow keys.
 */
import { useState } from 'preact/hooks'
import { decimal } from '../app/format.js'

export interface VectorStripProps {
  readonly vector: Float32Array
  readonly label: string
  /** What is said of one number; its index and value unless told. */
  readonly describe?: (index: number) => string
  /** Height in pixels. */
  readonly height?: number
}

const GAP = 0.25

export function VectorStrip({ vector, label, describe, height = 96 }: VectorStripProps) {
  const [at, setAt] = useState<number | undefined>(undefined)
  const shown = Math.min(at ?? indexOfLargest(vector), vector.length - 1)
  const say = describe ?? ((i: number) => `number ${i} of ${vector.length}: ${decimal(vector[i], 4)}`)
  const bound = Math.max(...vector.map(Math.abs), 1e-9)
  const path = Array.from(
    vector,
    (value, i) => `M${i + GAP / 2} 0h${1 - GAP}v${(-value / bound).toFixed(4)}h${GAP - 1}z`,
  )
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key]
    const end = { Home: 0, End: vector.length - 1 }[event.key]
    if (step === undefined && end === undefined) return
    event.preventDefault()
    setAt(end ?? Math.max(0, Math.min(vector.length - 1, shown + step!)))
  }
  const point = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect()
    setAt(Math.max(0, Math.min(vector.length - 1, Math.floor(((event.clientX - left) / width) * vector.length))))
  }
  return (
    <div class="strip">
      <div
        class="strip-bars"
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={vector.length - 1}
        aria-valuenow={shown}
        aria-valuetext={say(shown)}
        onKeyDown={move}
        onPointerMove={point}
        onPointerDown={point}
        style={{ height: `${height}px` }}
      >
        <svg viewBox={`0 -1 ${vector.length} 2`} preserveAspectRatio="none" aria-hidden="true">
          <rect class="strip-cursor" x={shown} y={-1} width={1} height={2} />
          <path class="strip-path" d={path.join('')} />
        </svg>
      </div>
      <p class="readout">{say(shown)}</p>
    </div>
  )
}

function indexOfLargest(vector: Float32Array): number {
  return vector.reduce((best, value, i) => (Math.abs(value) > Math.abs(vector[best]) ? i : best), 0)
}
