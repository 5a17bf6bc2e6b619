/**
 * The words that an answer's token came from, as the engine names them, and where they stand in the texts.
 */
import type { Walk } from '../protocol.js'

/** A word that was read: of a passage's title or text, or of the question. Offsets are characters of that field. */
export interface WordSource {
  readonly field: 'title' | 'text' | 'question'
  readonly passage?: number
  readonly start: number
  readonly end: number
  readonly weight: number
}

/** Weightiest first. */
export function sourcesOf({ answer }: Walk, token: number): readonly WordSource[] {
  return (answer.tokens[token] as { readonly sources?: readonly WordSource[] }).sources ?? []
}

export function wordAt({ answer }: Walk, { field, passage, start, end }: WordSource): string {
  const text = field === 'question' ? answer.question : answer.passages[passage!][field]
  return text.slice(start, end)
}

/** A piece of a text, and how much weight it has. */
export interface Piece {
  readonly text: string
  readonly weight: number
}

/** A text cut at the words that have weight. */
export function piecesOf(text: string, words: readonly WordSource[]): Piece[] {
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
