/**
 * The answer that is given, in large, and below it why it is that one. Where the default reader is in use that is known only once the span
 * reader has read: it may be the sentence that is quoted, in place of the words whose path the page shows.
 */
import { AnswerLine } from '../panels/answer-line.js'
import { around } from '../panels/span-scores.js'
import type { Quoting, Walk } from '../protocol.js'
import type { Shown } from './explorer.js'
import { passageName, percent } from './format.js'
import { isJudged, type QuotingState } from './quoting-state.js'
import { skipTo } from './skip.js'

/** The answer that is given, and what it was decided by. */
export interface Given extends NonNullable<Quoting['given']> {
  readonly quotes: Quoting['quotes']
  /** Whether it is what the walk came to, so that its tokens are those of the path. */
  readonly isOfWalk: boolean
}

/** Undefined while it is not known, and where nothing is decided. */
export function givenOf(shown: Shown, { stale, value }: Pick<QuotingState, 'stale' | 'value'>): Given | undefined {
  if (stale || !value?.given || !isJudged(shown)) return undefined
  const { given, quotes } = value
  return { ...given, quotes, isOfWalk: given.kind !== 'quoted' && given.text === shown.walk.answer.text }
}

/** How likely the answer is to be right; undefined for a refusal, which is none. */
export function rightOf({ kind, judged }: Pick<Given, 'kind' | 'judged'>): number | undefined {
  return { said: judged.said, quoted: judged.quoted, refused: undefined }[kind]
}

export interface GivenAnswerProps {
  readonly walk: Walk
  readonly given: Given | undefined
  /** Whether it is being decided. */
  readonly isAwaited: boolean
}

export function GivenAnswer({ walk, given, isAwaited }: GivenAnswerProps) {
  if (isAwaited && walk.answer.abstained) return <p class="answer-text waiting">…</p>
  if (given?.kind === 'quoted') return <Quote walk={walk} quotes={given.quotes} />
  if (given?.isOfWalk === false) return <p class="answer-text">{given.text}</p>
  return <AnswerLine walk={walk} />
}

function Quote({ walk, quotes: { spans, passages } }: { readonly walk: Walk; readonly quotes: Quoting['quotes'] }) {
  const [{ passage, start, end, quote }] = spans
  const parts = around(quote.text, { start: start - quote.start, end: end - quote.start })
  const [before, marked, after] = parts.map((part) => part.replace(/\s+/g, ' '))
  const { citation } = walk.ranking.find(({ id }) => id === passages[passage].id) ?? {}
  return (
    <>
      <p class="answer-text">
        <q>
          {before}
          <mark style={{ '--share': '0.6' }}>{marked}</mark>
          {after}
        </q>
      </p>
      <p class="readout">
        From passage {passage + 1}: {citation ?? passageName(passages[passage])}
      </p>
    </>
  )
}

export interface WhyGivenProps {
  readonly shown: Shown
  readonly quoting: QuotingState
  readonly given: Given | undefined
}

/** Why that answer is given, as far as it is known. */
export function WhyGiven({ shown: { model, walk }, quoting, given }: WhyGivenProps) {
  if (quoting.stale) return <>{quoting.progress?.what ?? 'The second reader looks for a quote'}</>
  if (quoting.error) {
    return (
      <>
        This is the first reader’s answer alone, since the second could not be asked: {quoting.error}{' '}
        <button type="button" onClick={quoting.retry}>
          Try again
        </button>
      </>
    )
  }
  if (!given) {
    return (
      <>
        The <SecondReader />, {(model.spanReader!.bytes / 1e6).toFixed(0)} MB, is asked for a quote when it comes into
        sight.
      </>
    )
  }
  const { kind, isOfWalk, judged } = given
  const first = kind === 'refused' ? 'the first reader' : 'the first' // where the second was named just before
  const otherPath = isOfWalk ? '' : ` The path below is that of ${first}, which would say “${walk.answer.text}”`
  switch (kind) {
    case 'quoted':
      return (
        <>
          Quoted by the <SecondReader />.{otherPath}
        </>
      )
    case 'said':
      if (!isOfWalk) {
        return (
          <>
            Worded with the help of the <SecondReader />.{otherPath}
          </>
        )
      }
      return judged.quoted > 0 ? (
        <>
          What the <SecondReader /> would quote is right with probability {percent(judged.quoted)}.
        </>
      ) : (
        <>
          The <SecondReader /> found nothing to quote.
        </>
      )
    case 'refused':
      return (
        <>
          {nearestOf(given)}
          {otherPath}
        </>
      )
  }
}

/** The station at which it is decided. */
function SecondReader() {
  return (
    <a href="#quoting" onClick={(event) => skipTo(event, 'quoting')}>
      second reader
    </a>
  )
}

/** In a sentence, the likelier of two answers that were not likely enough. */
function nearestOf({ judged, quotes }: Given): string {
  const { worded, said, quoted, minProbability } = judged
  const text = said >= quoted ? worded : quotes.text
  if (text === undefined) return 'Nothing came near an answer.'
  const right = percent(Math.max(said, quoted))
  return `What came nearest, right with probability ${right} where an answer needs ${percent(minProbability)}: “${text}”`
}
