/**
 * How a passage is put to a span head: question and passage as the two halves of one text. What does not fit is read in windows that overlap, so that
 * every answer stands whole in one of them.
 */
import { InputError } from '../../errors.js'
import type { TextSpan, Tokenizer } from '../../tokenizer/index.js'
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
  const asked = tokenizer.encode(question, { pair: '' }).ids.length
  const room = maxLength - asked
  if (room >= LEAST_ROOM) return room
  throw new InputError(
    'too-long',
    `the question has ${asked} tokens with the special ones, and a reader of ${maxLength} tokens takes at most ${maxLength - LEAST_ROOM}; shorten it`,
  )
}

/**
 * @param maxLength tokens that the model reads, special ones included
 * @throws InputError when the question leaves no room for a passage
 */
export function windowsOf(
  tokenizer: Tokenizer,
  question: string,
  passages: readonly SpanInput[],
  maxLength: number,
): TokenWindow[] {
  const room = roomBeside(tokenizer, question, maxLength)
  return passages.flatMap(({ title, text }, passage) => {
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
  })
}

/** The last words of a title, which are the innermost heading's, as far as they fit. */
function lastWords(tokenizer: Tokenizer, title: string, room: number): string {
  const all = title.split(/\s+/).filter((word) => word !== '')
  const words = all.slice(-Math.floor(room)) // a word is a token or more
  while (words.length > 0 && tokenizer.encode(words.join(' '), { addSpecialTokens: false }).ids.length > room)
    words.shift()
  return words.join(' ')
}
