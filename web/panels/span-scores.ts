/**
 * What the strips over a passage show, as plain data: a cell for each token that an answer may hold.
 */
import type { SpanAnswer } from 'glassformer'
import type { SpanReading } from '../protocol.js'

export interface SpanToken {
  /** As it stands in the passage. */
  readonly text: string
  /** Whether white space is before it. */
  readonly apart: boolean
  readonly start: number
  readonly end: number
  /** Whether it lies in the passage's best span. */
  readonly marked: boolean
}

/** @param text the passage's */
export function spanTokens(
  { passage, tokens, first, starts, ends }: SpanReading,
  text: string,
  { spans }: Pick<SpanAnswer, 'spans'>,
): SpanToken[] {
  const best = spans.find((span) => span.passage === passage)
  return starts.map((start, i) => {
    const { start: from, end: to } = tokens[first + i]
    return {
      text: text.slice(from, to),
      apart: i === 0 || /\s/.test(text.slice(tokens[first + i - 1].end, from)),
      start,
      end: ends[i],
      marked: best !== undefined && from >= best.start && to <= best.end,
    }
  })
}

/** How strong a score's colour is, from 0 to 1: a half for 0, which is the score of "no answer". In steps that the eye does not tell apart. */
export function scoreShade(score: number): number {
  return Math.round(32 / (1 + Math.exp(-score))) / 32
}

/** A text in three: before a part of it, the part, and what follows. */
export function around(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
): [string, string, string] {
  return [text.slice(0, start), text.slice(start, end), text.slice(end)]
}
