/**
 * Attention over the text itself: point at a token and see the others shaded by how much it looks at them. In self-attention that is one text;
 * in cross-attention the decoder's tokens lie above the text that they read.
 */
import type { TargetedKeyboardEvent } from 'preact'
import { useMemo, useRef, useState } from 'preact/hooks'
import type { AttentionMap, Token } from '../protocol.js'
import { fixed } from './digits.js'
import { shadeOf } from './heat-scale.js'
import { rowOf, strongestKeys, weightsOf, writtenAfter, type HeadChoice } from './map-weights.js'
import { nextStop } from './next-stop.js'
import { tokenLabel, tokenName } from './tokens.js'

export interface TokenViewProps {
  readonly map: AttentionMap
  readonly head: HeadChoice
  /** The chosen query. */
  readonly query: number
  readonly onQuery: (query: number) => void
}

const TOLD = 3

export function TokenView({ map, head, query: chosen, onQuery }: TokenViewProps) {
  const [hovered, setHovered] = useState<number>()
  const { queries, keys } = map
  const weights = useMemo(() => weightsOf(map, head), [map, head])
  const query = Math.min(hovered ?? chosen, queries.length - 1)
  const row = rowOf(weights, query, keys.length)
  const isSelf = map.attention.endsWith('self_attention')
  const written = writtenAfter(map, query)
  const told = strongestKeys(row, TOLD)
    .map(({ key, weight }) => `${tokenName(keys[key])} ${fixed(weight, 2)}`)
    .join(', ')
  const choosing = { queries, query, chosen, onQuery, onHover: setHovered }
  return (
    <div class="token-view">
      {isSelf ? (
        <QueryTokens {...choosing} label="The text; choose a token to see where it looks" shades={row} />
      ) : (
        <>
          <QueryTokens {...choosing} label="What the decoder has read; choose a token to see where it looks" />
          <p class="tokens" role="group" aria-label="The text that the decoder looks at">
            {keys.map((token, i) => (
              <span key={i} class={tokenClass(token)} style={{ '--shade': shadeStep(row[i]) }}>
                {tokenLabel(token)}
              </span>
            ))}
          </p>
        </>
      )}
      <p class="token-view-told" aria-live="polite">
        {written && (
          <>
            Before it writes <q>{tokenLabel(written)}</q>,{' '}
          </>
        )}
        <q>{tokenLabel(queries[query])}</q> looks most at {told}.
      </p>
    </div>
  )
}

interface QueryTokensProps {
  readonly queries: readonly Token[]
  /** The one that is shown. */
  readonly query: number
  readonly chosen: number
  readonly label: string
  /** Weights that shade the tokens where they are keys too. */
  readonly shades?: Float32Array
  readonly onQuery: (query: number) => void
  readonly onHover: (query: number | undefined) => void
}

/** One stop for Tab; arrow keys go from token to token. */
function QueryTokens({ queries, query, chosen, label, shades, onQuery, onHover }: QueryTokensProps) {
  const box = useRef<HTMLParagraphElement>(null)
  const stop = Math.min(chosen, queries.length - 1)
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>) => {
    const to = nextStop(event.key, stop, queries.length)
    if (to === undefined) return
    event.preventDefault()
    onHover(undefined)
    onQuery(to)
    ;(box.current!.children[to] as HTMLElement).focus()
  }
  return (
    <p
      ref={box}
      class="tokens"
      role="group"
      aria-label={label}
      onKeyDown={onKeyDown}
      onPointerLeave={() => onHover(undefined)}
    >
      {queries.map((token, i) => (
        <button
          key={i}
          type="button"
          class={tokenClass(token, i === query)}
          tabIndex={i === stop ? 0 : -1}
          aria-pressed={i === stop}
          style={{ '--shade': shades ? shadeStep(shades[i]) : 0 }}
          onPointerEnter={(event) => {
            if (event.pointerType !== 'touch') onHover(i)
          }}
          onClick={() => onQuery(i)}
        >
          {tokenLabel(token)}
        </button>
      ))}
    </p>
  )
}

/** A token that begins a word stands apart from the one before. */
function tokenClass({ text }: Token, isQuery = false): string {
  return `token${/^\s/.test(text) ? ' is-apart' : ''}${isQuery ? ' is-query' : ''}`
}

/** The shade of a weight in steps that the eye does not tell apart, so that few tokens change from one query to the next. */
function shadeStep(weight: number): number {
  return Math.round(shadeOf(weight) * 32) / 32
}
