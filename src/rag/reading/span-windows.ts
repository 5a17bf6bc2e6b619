/**
 * How a passage is put to a span head: question and passage as the two halves of one text. What does not fit is read in windows that overlap, so that
 * every answer stands whole in one of them.
 */
import type { TextSpan, Tokenizer } from '../../tokenizer/index.js'
import { requireTokens } from './require-tokens.js'
import { LONGEST_SPAN } from './span-search.js'

/** What is read of a passage: its title goes before the text, and no answer is looked for in it. */
export interface SpanInput {
  readonly title: string
  readonly text: string
}

export interface TokenWindow {
  readonly passage: number
  readonly ids: readonly number[]
  readonly typeIds: readonly number[]
  /** Place of the first token in `ids` that an answer may hold. */
  readonly first: number
  /** Places in the passage's text of that token and those after it. */
  readonly places: readonly TextSpan[]
}

/** Room for a passage beside the question, in tokens. */
const LEAST_ROOM = 2 * LONGEST_SPAN

/**
 * Tokens that a question leaves for a passage.
 * @param maxLength tokens that the model reads, special ones included
 * @throws InputError when they are too few
 */
export function roomBeside(tokenizer: Tokenizer, question: string, maxLength: number): number {
  const most = maxLength - LEAST_ROOM
  return (
    maxLength - requireTokens(tokenizer, question, most, `a reader of ${maxLength} tokens takes at most ${most}`, '')
  )
}

/** Characters of a passage that are read, from its beginning. */
export const MOST_READ = 32_768
/** Characters that are made into tokens together, and of these those that the next piece begins with again: an answer, and the words around it. */
const PIECE = 8192
const OVERLAP = 1024
/** Characters of a title that are looked at, from its end. */
const MOST_OF_TITLE = 2000

/**
 * The windows of each piece of a passage, some thousand characters of it.
 * @param passage its place among those read
 * @param maxLength tokens that the model reads, special ones included
 * @throws InputError when the question leaves no room for a passage
 */
export function* windowsOf(
  tokenizer: Tokenizer,
  question: string,
  { title, text }: SpanInput,
  passage: number,
  maxLength: number,
): Generator<TokenWindow[]> {
  const room = roomBeside(tokenizer, question, maxLength)
  for (let start = 0; start === 0 || start + OVERLAP < Math.min(text.length, MOST_READ); start += PIECE - OVERLAP) {
    const piece = text.slice(start, Math.min(start + PIECE, MOST_READ))
    const windows = pieceWindows(piece)
    yield windows.map(({ places, ...window }) => ({
      ...window,
      places: places.map((place) => ({ start: place.start + start, end: place.end + start })),
    }))
  }

  function pieceWindows(text: string): TokenWindow[] {
    const before = lastWords(tokenizer, title, room / 4)
    const prefix = before === '' ? '' : `${before}. `
    const { ids, typeIds } = tokenizer.encode(question, { pair: prefix + text })
    const places = tokenizer
      .offsets(prefix + text)
      .filter((place) => place !== undefined)
      .map(({ start, end }) => ({ start: start - prefix.length, end: end - prefix.length }))
    const own = places.findIndex(({ start }) => start >= 0)
    const texts = own < 0 ? [] : places.slice(own)
    const first = ids.length - 1 - texts.length
    const left = maxLength - first - 1
    const windows: TokenWindow[] = []
    for (let from = 0; from === 0 || from + LONGEST_SPAN < texts.length; from += left - LONGEST_SPAN) {
      const cut = (row: readonly number[]) => [
        ...row.slice(0, first),
        ...row.slice(first + from, Math.min(first + from + left, row.length - 1)),
        row[row.length - 1],
      ]
      windows.push({ passage, ids: cut(ids), typeIds: cut(typeIds), first, places: texts.slice(from, from + left) })
    }
    return windows
  }
}

/** The last words of a title, which are the innermost heading's, as far as they fit. */
function lastWords(tokenizer: Tokenizer, title: string, room: number): string {
  const all = title
    .slice(-MOST_OF_TITLE)
    .split(/\s+/)
    .filter((word) => word !== '')
  const words = all.slice(-Math.floor(room)) // a word is a token or more
  while (words.length > 0 && tokenizer.encode(words.join(' '), { addSpecialTokens: false }).ids.length > room)
    words.shift()
  return words.join(' ')
}
