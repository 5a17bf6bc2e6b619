/**
 * The answer in large, token by token. What a token is made of is read out below it: under the pointer, or with the focus.
 */
import { Fragment } from 'preact'
import { useState } from 'preact/hooks'
import { percent } from '../app/format.js'
import type { Walk } from '../protocol.js'
import { sourcesOf, wordAt } from './sources.js'

export interface AnswerLineProps {
  readonly walk: Walk
  /** The token that is marked, if any. */
  readonly token?: number
  readonly onToken?: (token: number) => void
  readonly onHover?: (token: number | undefined) => void
}

export function AnswerLine({ walk, token, onToken, onHover }: AnswerLineProps) {
  const [at, setAt] = useState<number | undefined>(undefined)
  const { tokens } = walk.answer
  const written = tokens.filter(({ text }) => text !== '')
  const hover = (i: number | undefined) => {
    setAt(i)
    onHover?.(i)
  }
  const shown = at ?? token
  return (
    <>
      <p class="answer-text" onPointerLeave={() => hover(undefined)}>
        {written.map(({ text }, i) => (
          <Fragment key={i}>
            {/^\s*/.exec(text)![0]}
            <button
              type="button"
              class={i === shown ? 'answer-token shown' : 'answer-token'}
              aria-label={sentenceOf(walk, i)}
              aria-pressed={onToken ? i === token : undefined}
              onPointerEnter={() => hover(i)}
              onFocus={() => hover(i)}
              onBlur={() => hover(undefined)}
              onClick={() => onToken?.(i)}
            >
              {text.trimStart()}
            </button>
          </Fragment>
        ))}
      </p>
      <p class="readout" aria-hidden="true">
        {shown === undefined || !tokens[shown] ? 'Point at a word to see where it came from.' : sentenceOf(walk, shown)}
      </p>
    </>
  )
}

/** `“Paris”: p 98.2 %; looked at “Paris” of passage 1 (31 %), “France” of the question (4 %)` */
function sentenceOf(walk: Walk, token: number): string {
  const { text, logProb } = walk.answer.tokens[token]
  const words = sourcesOf(walk, token)
    .slice(0, 3)
    .map(
      (source) =>
        `“${wordAt(walk, source)}” of ${source.field === 'question' ? 'the question' : `passage ${source.passage + 1}`} (${percent(source.weight)})`,
    )
  return `“${text.trim()}”: p ${percent(Math.exp(logProb))}${words.length > 0 ? `; looked at ${words.join(', ')}` : ''}`
}
