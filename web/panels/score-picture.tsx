/**
 * Where all passages stand on the scale of scores: a dot for each while there are few, a histogram for many. Those that are read are marked.
 */
import { count, decimal } from '../app/format.js'

export interface ScorePictureProps {
  readonly scores: Float32Array
  /** The scores of the passages that are read. */
  readonly read: readonly number[]
}

const WIDTH = 720
const HEIGHT = 150
const BASE = 118
const BINS = 72
/** More than these are too many for dots. */
const MOST_DOTS = 60

export function ScorePicture({ scores, read }: ScorePictureProps) {
  const least = Math.floor(Math.min(...scores, 0) * 5) / 5
  const most = Math.ceil(Math.max(...scores, ...read, 0.6) * 5) / 5
  const x = (score: number) => 12 + ((score - least) / (most - least)) * (WIDTH - 24)
  const ticks = Array.from({ length: Math.round((most - least) / 0.2) + 1 }, (_, i) => least + i * 0.2)
  const best = Math.max(...scores)
  return (
    <svg
      class="score-picture"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`The dot products of ${count(scores.length)} passages lie between ${decimal(Math.min(...scores))} and ${decimal(best)}. ${read.length} are read, with scores ${read.map((score) => decimal(score)).join(', ')}.`}
    >
      {scores.length <= MOST_DOTS ? (
        Array.from(scores, (score, i) => <circle key={i} class="score-dot" cx={x(score)} cy={BASE - 14} r={5} />)
      ) : (
        <path class="score-bins" d={histogram(scores, least, most, x)} />
      )}
      <path class="axis" d={`M12 ${BASE}H${WIDTH - 12}`} />
      {ticks.map((tick) => (
        <g key={tick}>
          <path class="axis" d={`M${x(tick)} ${BASE}v5`} />
          <text class="tick" x={x(tick)} y={BASE + 22} text-anchor="middle">
            {decimal(Math.abs(tick) < 1e-9 ? 0 : tick, 1)}
          </text>
        </g>
      ))}
      {read.map((score, i) => (
        <g key={i}>
          <path class="score-read" d={`M${x(score)} ${BASE}V${40}`} />
          <circle class="score-read" cx={x(score)} cy={40 - 12 * (i % 2)} r={10} />
          <text class="score-number" x={x(score)} y={44 - 12 * (i % 2)} text-anchor="middle">
            {i + 1}
          </text>
        </g>
      ))}
    </svg>
  )
}

/** Bars whose heights are the square roots of the counts, so that the few good ones stay in sight. */
function histogram(scores: Float32Array, least: number, most: number, x: (score: number) => number): string {
  const counts = new Array<number>(BINS).fill(0)
  for (const score of scores) counts[Math.min(BINS - 1, Math.floor(((score - least) / (most - least)) * BINS))]++
  const tallest = Math.sqrt(Math.max(...counts))
  const width = x(least + (most - least) / BINS) - x(least)
  return counts
    .map((n, i) => {
      const height = (Math.sqrt(n) / tallest) * 90
      return `M${x(least) + i * width + 0.5} ${BASE}v${-height}h${width - 1}v${height}z`
    })
    .join('')
}
