/**
 * Where each token stands in its text. A byte-level vocabulary spells every byte by one character, so lengths say it exactly. Other
 * tokenizers normalise the text first (accents, widths, spaces); there both sides are brought to bare letters without any of these, which
 * must then be the same, and each letter remembers where it came from. A token that spells nothing, since its word is not in the
 * vocabulary, stands for that word.
 */
import { InputError } from '../errors.js'

/** A part of a text in UTF-16 units, as `slice(start, end)` takes it. */
export interface TextSpan {
  readonly start: number
  readonly end: number
}

/** A character of the text, with its accents where they are dropped, and what tokens spell it by: one unit for each byte, or bare letters. */
interface Character extends TextSpan {
  readonly units: string
  readonly isSpace: boolean
}

/**
 * The place of each token, without spaces before and after it. Tokens that share the bytes of a character all get the character; one of
 * spaces alone is empty.
 * @param byteLevel whether a token's characters stand for bytes
 * @throws InputError where the tokens do not spell the text
 */
export function placeTokens(text: string, tokens: readonly string[], byteLevel: boolean): TextSpan[] {
  const unitsOf = byteLevel ? bytes : bareLetters
  const characters = Array.from(text.matchAll(byteLevel ? CHARACTER : WITH_ACCENTS), ({ 0: character, index }) => ({
    start: index,
    end: index + character.length,
    units: unitsOf(character),
    isSpace: character.trim() === '',
  }))
  const owners = characters.flatMap((character): Character[] =>
    new Array<Character>(character.units.length).fill(character),
  ) // of each unit
  const lengths = tokens.map((token) => (byteLevel ? token : bareLetters(token)).length)
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const before = byteLevel && total === owners.length + 1 ? 1 : 0 // some tokenizers put a space before the text
  if (total !== owners.length + before) {
    throw new InputError(
      'unplaceable-tokens',
      `the tokens spell ${total} ${byteLevel ? 'bytes' : 'letters'} and the text has ${owners.length}, so their places in it are not known`,
    )
  }
  let unit = -before
  return lengths.map((length) => {
    const own = owners.slice(Math.max(0, unit), Math.max(0, unit + length)).filter(({ isSpace }) => !isSpace)
    unit += length
    const place = owners[unit - 1]?.end ?? 0
    return { start: own[0]?.start ?? place, end: own.at(-1)?.end ?? place }
  })
}

/** What {@link placeByWords} places. */
export interface WordTokens {
  /** The text's tokens, as {@link tokenize} gives them. */
  readonly tokens: readonly string[]
  /** Tokens of a part of the text, spelled by letters alone. */
  readonly tokenize: (part: string) => readonly string[]
  /** The token that stands for a word without spelling it. */
  readonly unknown: string
}

/**
 * As {@link placeTokens} for letters, where some tokens may spell nothing or other letters than the text: the text is cut into words, and where a
 * word is not spelled by its tokens, each of them has the whole word.
 * @throws InputError where the words have other tokens than the text
 */
export function placeByWords(text: string, { tokens, tokenize, unknown }: WordTokens): TextSpan[] {
  const direct = tokens.includes(unknown) ? undefined : placeLetters({ text, start: 0 }, tokens)
  if (direct) return direct
  const known = new Map<string, readonly string[]>()
  const tokensOf = (word: string) => {
    const found = known.get(word) ?? tokenize(word)
    known.set(word, found)
    return found
  }
  const spans = placeParts({ text, start: 0 }, tokens, [WORD, PIECE])
  if (spans) return spans
  throw new InputError(
    'unplaceable-tokens',
    `the text has ${tokens.length} tokens, and its words have others, so the places of the tokens in it are not known`,
  )

  /** @param cuts what the part may still be cut into; undefined where what it was cut into has other tokens */
  function placeParts(part: Part, own: readonly string[], [cut, ...finer]: readonly RegExp[]): TextSpan[] | undefined {
    const parts = Array.from(part.text.matchAll(cut), ({ 0: text, index }) => ({ text, start: part.start + index }))
    const tokensOfParts = parts.map(({ text }) => tokensOf(text))
    const all = tokensOfParts.flat()
    if (all.length !== own.length || all.some((token, i) => token !== own[i])) return undefined
    return parts.flatMap((one, i) => placeWord(one, tokensOfParts[i], finer))
  }

  function placeWord(word: Part, own: readonly string[], finer: readonly RegExp[]): TextSpan[] {
    const whole = { start: word.start, end: word.start + word.text.length }
    if (own.length > 1 || own[0] !== unknown) {
      const spelled = own.includes(unknown) ? undefined : placeLetters(word, own)
      const placed = spelled ?? (finer.length > 0 ? placeParts(word, own, finer) : undefined)
      if (placed) return placed
    }
    return own.map(() => whole)
  }
}

interface Part {
  readonly text: string
  /** Place of its first character in the whole text. */
  readonly start: number
}

/** Undefined where the tokens have another number of letters. */
function placeLetters({ text, start }: Part, tokens: readonly string[]): TextSpan[] | undefined {
  const letters = (of: string) => bareLetters(of).length
  if (tokens.reduce((sum, token) => sum + letters(token), 0) !== letters(text)) return undefined
  return placeTokens(text, tokens, false).map((span) => ({ start: start + span.start, end: start + span.end }))
}

/** What white space parts; of control characters, only these do. */
const WORD = /[^\t\n\r\p{Z}]+/gu
/** What WordPiece parts within: a punctuation mark or a Chinese character stands by itself. */
const PIECE =
  /[\p{P}$+<=>^`|~\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\p{P}$+<=>^`|~\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+/gu

const CHARACTER = /./gsu
const WITH_ACCENTS = /\P{M}\p{M}*|\p{M}+/gu

/** As many units as the character has bytes in UTF-8; lone surrogates are read as U+FFFD, which has three. */
function bytes(character: string): string {
  const codePoint = character.codePointAt(0)!
  return '.'.repeat(codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4)
}

/** Without accents, compatibility forms, spaces (▁ is one) and what is not seen; U+FFFD too, which SentencePiece takes for a space. */
function bareLetters(text: string): string {
  return text.normalize('NFKD').replace(/[\p{M}\p{Cc}\p{Cf}\s▁\ufffd]/gu, '')
}
