/**
 * The passages beside a passage of a document: which they are, and two of them as one. A document is split into passages that are numbered in
 * its order, so `tea.md#3` stands between `tea.md#2` and `tea.md#4`.
 */
import type { Passage, PassageSource } from './corpus.js'
import { placeInSource } from './passage-place.js'

/** The passage of an id; undefined where there is none. */
export type FindPassage = (id: string) => Promise<Passage | undefined>

/** The passage before (-1) or behind (1) another of its document; undefined where there is none. */
export async function neighbourOf(
  { id }: Pick<Passage, 'id'>,
  side: -1 | 1,
  find: FindPassage,
): Promise<Passage | undefined> {
  const [, document, number] = NUMBERED.exec(id) ?? []
  return number === undefined || Number(number) + side < 1 ? undefined : find(`${document}#${Number(number) + side}`)
}

const NUMBERED = /^(.*)#(\d+)$/s

/** Two passages in a row as one: `text` with its `source`, and `second`, where the text of the second begins. */
export interface JoinedText extends Required<Pick<Passage, 'text' | 'source'>> {
  readonly second: number
}

/**
 * Two passages as one, where the second goes on in the paragraph of the first: in the same part of the same document, with no more between them than
 * a space or the end of a line. Undefined where it does not, or where that cannot be told since they do not know their places.
 */
export function joinPassages(first: Passage, second: Passage): JoinedText | undefined {
  if (!first.source?.places?.length || !second.source?.places?.length || partOf(first) !== partOf(second))
    return undefined
  const end = placeInSource(first, first.text.length - 1, first.text.length)!
  const start = placeInSource(second, 0, 1)!
  const [gap, lines] = [start.start - end.end, start.line! - end.line!]
  if (gap < 0 || gap > MOST_BETWEEN || lines > 1) return undefined
  const before = first.text + (lines === 1 ? '\n' : gap > 0 ? ' ' : '')
  return {
    text: before + second.text,
    source: joinSources(first.source, second.source, before.length),
    second: before.length,
  }
}

/** In UTF-16 units: the end of a line and an indent of two, or a space and `**`, but not `</p>`. */
const MOST_BETWEEN = 3

function partOf({ source, metadata }: Passage): string {
  const { file, page, record, headingPath } = source!
  return JSON.stringify([file, page, record, headingPath, metadata])
}

/** @param at where the second begins in the text of both */
function joinSources(first: PassageSource, second: PassageSource, at: number): PassageSource {
  const { places = [] } = first
  const shifted = second.places!.map(([own, ...place]) => [own + at, ...place] as const)
  return {
    ...first,
    start: Math.min(first.start, second.start),
    end: Math.max(first.end, second.end),
    places: [...places, ...shifted],
  }
}
