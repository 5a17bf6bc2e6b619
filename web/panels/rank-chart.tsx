/**
 * How the order changes from stage to stage: a column for each stage, a line for each passage through its places. A line ends where a stage did
 * not find the passage. Places across are in per cent, so the picture is as wide as its box and its letters keep their size.
 */
import { passageName } from '../app/format.js'
import type { RankedPassage, SearchStage } from '../protocol.js'
import { STAGE_NAMES } from './stage-names.js'

export interface RankChartProps {
  readonly stages: readonly SearchStage[]
  readonly passages: readonly RankedPassage[]
  /** Ids of the passages that are read, which stand out. */
  readonly read: ReadonlySet<string>
}

/** Places that have a row of their own; what lies deeper shares the last one. */
const MOST_ROWS = 12
const ROW = 22
const TOP = 34
/** Per cent that are left free at both ends. */
const EDGE = 12

export function RankChart({ stages, passages, read }: RankChartProps) {
  const rank = ({ ranks }: RankedPassage, stage: number) => ranks?.[stages[stage].name]
  const deepest = Math.max(...passages.flatMap((passage) => stages.map((_, s) => rank(passage, s) ?? 0)))
  const isDeep = deepest > MOST_ROWS
  const rows = Math.min(deepest, MOST_ROWS)
  const across = (stage: number) => EDGE + (stage / (stages.length - 1)) * (100 - 2 * EDGE)
  const down = (place: number) => TOP + Math.min(place, rows + 1) * ROW - ROW / 2
  // what is read lies on top of the others
  const drawn = [...passages].sort((a, b) => Number(read.has(a.id)) - Number(read.has(b.id)))
  return (
    <svg
      class="rank-chart"
      role="img"
      style={{ height: `${TOP + (rows + (isDeep ? 1 : 0)) * ROW + 4}px` }}
      aria-label={`The places of ${passages.length} passages in ${stages.map(({ name }) => STAGE_NAMES[name]).join(', ')}. The table below has the same numbers.`}
    >
      {stages.map(({ name }, s) => (
        <text key={name} class="tick" x={`${across(s)}%`} y={16} text-anchor="middle">
          {STAGE_NAMES[name]}
        </text>
      ))}
      {isDeep && (
        <text class="tick" x="0" y={down(rows + 1) + 4}>
          deeper
        </text>
      )}
      {drawn.map((passage) => (
        <g key={passage.id} class={read.has(passage.id) ? 'read' : undefined}>
          <title>{passageName(passage)}</title>
          {stages.slice(1).map((_, i) => {
            const [from, to] = [rank(passage, i), rank(passage, i + 1)]
            if (from === undefined || to === undefined) return undefined
            return (
              <line
                key={i}
                class="rank-line"
                x1={`${across(i)}%`}
                x2={`${across(i + 1)}%`}
                y1={down(from)}
                y2={down(to)}
              />
            )
          })}
          {stages.map((_, s) => {
            const place = rank(passage, s)
            if (place === undefined) return undefined
            if (place > rows) return <circle key={s} class="rank-mark" cx={`${across(s)}%`} cy={down(place)} r={4} />
            return (
              <g key={s}>
                <circle class="rank-mark" cx={`${across(s)}%`} cy={down(place)} r={9} />
                <text class="rank-number" x={`${across(s)}%`} y={down(place) + 4} text-anchor="middle">
                  {place}
                </text>
              </g>
            )
          })}
        </g>
      ))}
    </svg>
  )
}
