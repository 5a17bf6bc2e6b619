/**
 * Where each token stands in its text. A byte-level vocabulary spells every byte by one character, so lengths say it exactly. Other
 * tokenizers normalise the text first (accents, widths, spaces); there both sides are brought to bare letters without any of these, which
 * must then be the same, and each letter remembers where it came from.
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
