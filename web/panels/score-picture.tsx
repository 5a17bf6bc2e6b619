/**
 * Where all passages stand on the scale of scores: a dot for each while there are few, a histogram for many. Those that are read are marked.
 * Places across are in per cent, so the picture is as wide as its box and its letters keep their size.
 */
import { count, decimal } from '../app/format.js'

export interface ScorePictureProps {
  readonly scores: Float32Array
  /** The scores of the passages that are read. */
  readonly read: readonly number[]
}

/** Pixels from the top. */
const BASE = 118
const MARK = 40
const BINS = 60
/** More than these are too many for dots. */
const MOST_DOTS = 60
/** Per cent that are left free at both ends. */
const EDGE = 2

export function ScorePicture({ scores, read }: ScorePictureProps) {
  const least = Math.floor(Math.min(...scores, ...read, 0) * 5) / 5
  const most = Math.ceil(Math.max(...scores, ...read, 0.6) * 5) / 5
  const across = (score: number) => EDGE + ((score - least) / (most - least)) * (100 - 2 * EDGE)
  const at = (score: number) => `${across(score)}%`
  const ticks = Array.from({ length: Math.round((most - least) / 0.2) + 1 }, (_, i) => least + i * 0.2)
  const bounds = `between ${decimal(Math.min(...scores))} and ${decimal(Math.max(...scores))}`
  const marked = read.map((score) => decimal(score)).join(', ')
  return (
    <svg
      class="score-picture"
      role="img"
      aria-label={`The dot products of ${count(scores.length)} passages lie ${bounds}. Read are those with ${marked}.`}
    >
      {scores.length <= MOST_DOTS
        ? Array.from(scores, (score, i) => <circle key={i} class="score-dot" cx={at(score)} cy={BASE - 12} r={5} />)
        : histogram(scores, least, most).map((height, bin) => (
            <rect
              key={bin}
              class="score-dot"
              x={at(least + ((most - least) * (bin + 0.1)) / BINS)}
              width={`${((100 - 2 * EDGE) / BINS) * 0.8}%`}
              y={BASE - height}
              height={height}
            />
          ))}
      <line class="axis" x1={at(least)} x2={at(most)} y1={BASE} y2={BASE} />
      {ticks.map((tick) => (
        <g key={tick}>
          <line class="axis" x1={at(tick)} x2={at(tick)} y1={BASE} y2={BASE + 5} />
          <text class="tick" x={at(tick)} y={BASE + 21} text-anchor="middle">
            {decimal(Math.abs(tick) < 1e-9 ? 0 : tick, 1)}
          </text>
        </g>
      ))}
      {read.map((score, i) => {
        const height = MARK - 12 * (i % 3)
        return (
          <g key={i}>
            <line class="score-line" x1={at(score)} x2={at(score)} y1={BASE} y2={height} />
            <circle class="score-mark" cx={at(score)} cy={height} r={10} />
            <text class="score-number" x={at(score)} y={height + 4} text-anchor="middle">
              {i + 1}
            </text>
          </g>
        )
      })}
    </svg>
  )
}

/** Heights of the bins: the square roots of the counts, so that the few good ones stay in sight. */
function histogram(scores: Float32Array, least: number, most: number): number[] {
  const counts = new Array<number>(BINS).fill(0)
  for (const score of scores) counts[Math.min(BINS - 1, Math.floor(((score - least) / (most - least)) * BINS))]++
  const tallest = Math.sqrt(Math.max(...counts))
  return counts.map((n) => (Math.sqrt(n) / tallest) * (BASE - MARK - 14))
}
