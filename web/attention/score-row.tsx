/**
 * A query's whole row, before and after softmax: a column for each key.
 */
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Token } from '../protocol.js'
import { fixed, isHidden } from './digits.js'
import { tokenLabel } from './tokens.js'

export interface ScoreRowProps {
  readonly keys: readonly Token[]
  /** [key] */
  readonly scores: Float32Array
  /** [key] */
  readonly probs: Float32Array
  /** The key of the cell. */
  readonly marked: number
}

export function ScoreRow({ keys, scores, probs, marked }: ScoreRowProps) {
  const open = Array.from(scores).filter((score) => !isHidden(score))
  const [least, most] = [Math.min(...open), Math.max(...open)]
  const share = (score: number) => (isHidden(score) ? 0 : (score - least) / (most - least || 1))
  const box = useRef<HTMLDivElement>(null)
  const column = useRef<HTMLTableCellElement>(null)
  useLayoutEffect(() => {
    const { offsetLeft, offsetWidth } = column.current!
    box.current!.scrollLeft = offsetLeft - (box.current!.clientWidth - offsetWidth) / 2
  }, [keys, marked])
  return (
    <div ref={box} class="score-row" tabIndex={0} role="region" aria-label="The row of scores and weights">
      <table>
        <thead>
          <tr>
            <th scope="col">key</th>
            {keys.map((token, i) => (
              <th
                scope="col"
                key={i}
                ref={i === marked ? column : undefined}
                class={i === marked ? 'is-marked' : undefined}
              >
                <span>{tokenLabel(token)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">score</th>
            {keys.map((_, i) => (
              <td key={i} class={i === marked ? 'is-marked' : undefined} style={{ '--share': share(scores[i]) }}>
                {fixed(scores[i], 2)}
              </td>
            ))}
          </tr>
          <tr>
            <th scope="row">weight</th>
            {keys.map((_, i) => (
              <td key={i} class={i === marked ? 'is-marked' : undefined} style={{ '--share': probs[i] }}>
                {fixed(probs[i])}
              </td>
            ))}
          </tr>
        </tbody>
      </table>
    </div>
  )
}
