/**
 * Where one query looks: its largest weights as bars, and the whole row as a table for those who cannot see the map.
 */
import { useState } from 'preact/hooks'
import type { Token } from '../protocol.js'
import { fixed } from './digits.js'
import { strongestKeys } from './map-weights.js'
import { tokenLabel, tokenName } from './tokens.js'

export interface AttentionRowProps {
  readonly query: Token
  /** What a decoder wrote next. */
  readonly written: Token | undefined
  readonly keys: readonly Token[]
  /** [key] */
  readonly row: Float32Array
  /** The key that is marked. */
  readonly marked: number
}

const STRONGEST = 5

export function AttentionRow({ query, written, keys, row, marked }: AttentionRowProps) {
  const [open, setOpen] = useState(false)
  const title = `Where “${tokenName(query)}” looks`
  const strongest = strongestKeys(row, STRONGEST)
  return (
    <section class="attention-row" aria-label={title}>
      <h4>
        <q>{tokenLabel(query)}</q> looks at
        {written && (
          <small>
            {' '}
            before <q>{tokenLabel(written)}</q> is written
          </small>
        )}
      </h4>
      <ol class="bars">
        {strongest.map(({ key, weight }) => (
          <li key={key} class={key === marked ? 'is-marked' : undefined}>
            <span class="bar-label">
              {tokenLabel(keys[key])} <small>{key}</small>
            </span>
            <span class="bar" style={{ '--share': weight }} />
            <span class="number">{fixed(weight)}</span>
          </li>
        ))}
      </ol>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>The whole row as a table</summary>
        {open && (
          <div class="table-box" tabIndex={0} role="region" aria-label={title}>
            <table>
              <caption>{title}; the weights sum to 1</caption>
              <thead>
                <tr>
                  <th scope="col">place</th>
                  <th scope="col">key</th>
                  <th scope="col">weight</th>
                </tr>
              </thead>
              <tbody>
                {keys.map((token, key) => (
                  <tr key={key}>
                    <td>{key}</td>
                    <th scope="row">{tokenLabel(token)}</th>
                    <td>{fixed(row[key], 4)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </details>
    </section>
  )
}
