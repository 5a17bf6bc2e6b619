/**
 * The words that an answer's token came from, as the engine names them, and where they stand in the texts.
 */
import type { Source } from 'glassformer'
import type { Walk } from '../protocol.js'

/** Weightiest first. */
export function sourcesOf({ answer }: Walk, token: number): readonly Source[] {
  return answer.tokens[token].sources ?? []
}

export function wordAt({ answer }: Walk, source: Source): string {
  const text = source.field === 'question' ? answer.question : answer.passages[source.passage][source.field]
  return text.slice(source.start, source.end)
}

/** A piece of a text, and how much weight it has. */
export interface Piece {
  readonly text: string
  readonly weight: number
}

/** A text cut at the words that have weight. */
export function piecesOf(text: string, words: readonly Source[]): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  for (const { start, end, weight } of [...words].sort((a, b) => a.start - b.start)) {
    if (start > at) pieces.push({ text: text.slice(at, start), weight: 0 })
    pieces.push({ text: text.slice(start, end), weight })
    at = end
  }
  if (at < text.length) pieces.push({ text: text.slice(at), weight: 0 })
  return pieces
}
