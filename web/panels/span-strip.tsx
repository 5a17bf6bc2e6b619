/**
 * A passage as the span reader has judged it: under each token a cell for how well the answer begins there, and one for how well it ends.
 * The numbers are read out for the token under the pointer or with the focus, and stand in a table.
 */
import type { TargetedKeyboardEvent } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { decimal } from '../app/format.js'
import { nextStop } from '../attention/next-stop.js'
import { scoreShade, type SpanToken } from './span-scores.js'

export interface SpanStripProps {
  readonly tokens: readonly SpanToken[]
  /** `passage 2`; for labels. */
  readonly name: string
}

export function SpanStrip({ tokens, name }: SpanStripProps) {
  const best = Math.max(
    0,
    tokens.findIndex(({ marked }) => marked),
  )
  const [chosen, setChosen] = useState<number | undefined>(undefined)
  const [hovered, setHovered] = useState<number | undefined>(undefined)
  const [open, setOpen] = useState(false)
  const box = useRef<HTMLParagraphElement>(null)
  const within = (place: number) => Math.min(place, tokens.length - 1)
  const stop = within(chosen ?? best)
  const shown = within(hovered ?? stop)
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>) => {
    const to = nextStop(event.key, stop, tokens.length)
    if (to === undefined) return
    event.preventDefault()
    setHovered(undefined)
    setChosen(to)
    ;(box.current!.children[to] as HTMLElement).focus()
  }
  const title = `Scores of the tokens of ${name}`
  if (tokens.length === 0) return <p class="note">There is no token here that an answer may hold.</p>
  return (
    <>
      <p
        ref={box}
        class="span-strip"
        role="group"
        aria-label={`${title}; arrow keys go from token to token`}
        onKeyDown={onKeyDown}
        onPointerLeave={() => setHovered(undefined)}
      >
        {tokens.map((token, i) => (
          <button
            key={i}
            type="button"
            class={`span-token${token.apart ? ' is-apart' : ''}${token.marked ? ' is-marked' : ''}${i === shown ? ' is-shown' : ''}`}
            tabIndex={i === stop ? 0 : -1}
            aria-pressed={i === stop}
            aria-label={sentenceOf(token)}
            onPointerEnter={(event) => {
              if (event.pointerType !== 'touch') setHovered(i)
            }}
            onFocus={() => setChosen(i)}
            onClick={() => setChosen(i)}
          >
            <span>{token.text}</span>
            <i style={{ '--shade': scoreShade(token.start) }} />
            <i style={{ '--shade': scoreShade(token.end) }} />
          </button>
        ))}
      </p>
      <p class="span-readout" aria-hidden="true">
        {sentenceOf(tokens[shown])}
      </p>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          The scores as a table<span class="unseen">, {name}</span>
        </summary>
        {open && (
          <div class="table-box" tabIndex={0} role="region" aria-label={title}>
            <table>
              <caption>{title}, each less that of [CLS]</caption>
              <thead>
                <tr>
                  <th scope="col">place</th>
                  <th scope="col">token</th>
                  <th scope="col">start</th>
                  <th scope="col">end</th>
                </tr>
              </thead>
              <tbody>
                {tokens.map((token, i) => (
                  <tr key={i}>
                    <td>{i}</td>
                    <th scope="row">{token.text}</th>
                    <td>{decimal(token.start)}</td>
                    <td>{decimal(token.end)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </details>
    </>
  )
}

/** `“Paris”: start 4.812, end 5.120` */
function sentenceOf({ text, start, end }: SpanToken): string {
  return `“${text}”: start ${decimal(start)}, end ${decimal(end)}`
}
