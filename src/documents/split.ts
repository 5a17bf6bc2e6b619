/**
 * Passages of a document: sentences one after the other, as many as one vector holds well. A sentence that alone is too long is
 * parted between words.
 */
import { InputError } from '../errors.js'
import { checkpoint } from '../event-loop.js'
import { passageText, type Passage } from '../rag/index.js'
import type { Document } from './document.js'
import { sourceRange } from './mapped-text.js'
import { LineCounter, placesOf } from './passage-places.js'

/** What makes passages fit: an encoder, or whatever counts as one does. */
export interface TokenCounter {
  /** Most tokens of a text, special ones included. */
  readonly maxLength: number
  /** Tokens of a text, special ones included, however long it is. */
  countTokens(text: string): number
}

export interface SplitOptions {
  /** Most tokens of a passage's text and title together, special ones included; {@link defaultMaxTokens} unless told. */
  readonly maxTokens?: number
  /** Sentences from the end of a passage with which the next one begins, where they leave room for another; 0 unless told. */
  readonly overlap?: number
  readonly signal?: AbortSignal
}

/** A part of a block's text. */
interface Piece {
  readonly start: number
  readonly end: number
}

interface CountedPiece extends Piece {
  readonly tokens: number
}

/** Tokens of a part of the text, without special ones. */
type Count = (piece: Piece) => number

/** Fewer leave no room beside special tokens and a title. */
const LEAST_TOKENS = 16
/** Characters of a title at most, however few tokens they are. */
const LONGEST_TITLE = 1000
/** One vector holds little: all-MiniLM-L6-v2 reads 256 tokens, was trained on 128, and finds passages of 128 better (bench/README.md). */
const PASSAGE_TOKENS = 128

/** Most tokens of a passage unless told: 128, or what the encoder reads where that is less. */
export function defaultMaxTokens({ maxLength }: Pick<TokenCounter, 'maxLength'>): number {
  return Math.min(PASSAGE_TOKENS, maxLength)
}

/** @throws InputError for a wrong option */
export function checkSplitOptions({ maxTokens, overlap = 0 }: SplitOptions, { maxLength }: TokenCounter): void {
  if (
    maxTokens !== undefined &&
    !(Number.isSafeInteger(maxTokens) && maxTokens >= LEAST_TOKENS && maxTokens <= maxLength)
  ) {
    throw new InputError(
      'bad-option',
      `maxTokens is ${maxTokens}, expected a whole number from ${LEAST_TOKENS} to ${maxLength}, which the encoder reads`,
    )
  }
  if (!Number.isSafeInteger(overlap) || overlap < 0) {
    throw new InputError('bad-option', `overlap is ${overlap}, expected a whole number of 0 or more`)
  }
}

/**
 * The passages of a document, in its order; their ids are the document's with `#` and their number.
 * @throws InputError for a wrong option, AbortedError
 */
export async function splitDocument(
  document: Document,
  counter: TokenCounter,
  options: SplitOptions = {},
): Promise<Passage[]> {
  checkSplitOptions(options, counter)
  const { maxTokens = defaultMaxTokens(counter), overlap = 0, signal } = options
  const { id, file, record, metadata } = document
  const empty = counter.countTokens('')
  const passages: Passage[] = []
  let lines = new LineCounter('')
  for (const block of document.blocks) {
    const { text, spans, page, headingPath } = block
    if (lines.source !== block.source) lines = new LineCounter(block.source)
    const fits = (title: string) => title.length <= LONGEST_TITLE && counter.countTokens(title) <= maxTokens / 2
    const title = titleOf(document.title, headingPath, fits)
    const room = maxTokens - counter.countTokens(passageText({ title, text: '' }))
    const count = ({ start, end }: Piece) => counter.countTokens(text.slice(start, end)) - empty
    const pieces: CountedPiece[] = []
    for (const sentence of sentences(text)) {
      for (const part of await parts(sentence, text, { count, room, signal })) pieces.push(part)
    }
    for (const piece of gather(pieces, { count, room, overlap })) {
      await checkpoint(signal, 'the splitting')
      const { start, end } = piece
      const places = placesOf(block, piece, lines)
      passages.push({
        id: `${id}#${passages.length + 1}`,
        title,
        text: text.slice(start, end),
        source: { file, page, record, headingPath, ...sourceRange(spans, start, end), places },
        metadata,
      })
    }
  }
  return passages
}

/**
 * `Document: Heading: Heading within it`. Where that is too long, headings are left out, the outermost first; then the document; then words
 * of the innermost heading, from its end.
 */
function titleOf(title: string, headingPath: readonly string[], fits: (text: string) => boolean): string {
  const headings = headingPath.filter((heading) => heading !== '')
  const innermost = headings.at(-1) ?? title
  let longest: string | undefined
  // from the inside, so that of a path beyond all bounds only as much is counted as fits
  for (let outer = Math.max(0, headings.length - 1); outer >= 0; outer--) {
    const longer = withoutRepeats([title, ...headings.slice(outer)]).join(': ')
    if (!fits(longer)) break
    longest = longer
  }
  if (longest !== undefined) return longest
  const words = innermost.slice(0, LONGEST_TITLE).split(' ')
  let [fitting, tooMany] = [0, words.length + 1]
  while (tooMany - fitting > 1) {
    const middle = (fitting + tooMany) >> 1
    if (fits(words.slice(0, middle).join(' '))) fitting = middle
    else tooMany = middle
  }
  return words.slice(0, fitting).join(' ')
}

function withoutRepeats(names: readonly string[]): string[] {
  return names.filter((name, i) => name !== '' && name !== names[i - 1])
}

const SENTENCES = /* @__PURE__ */ new Intl.Segmenter('en', { granularity: 'sentence' })
const WORDS = /* @__PURE__ */ new Intl.Segmenter('en', { granularity: 'word' })

/** Where a sentence ends in ICU's eyes though its dot stands within a name, as in `sqlite3.Error` and `NEW.*`. */
const WITHIN_NAME = /[.!?]$/

/** Characters in which sentences are looked for at a time, so that others get their turn in between. A sentence that is longer is parted. */
const STRETCH = 1 << 16

/** Sentences without the spaces around them. An empty line ends one, the end of a line does not. */
function* sentences(text: string): Generator<Piece> {
  for (const paragraph of paragraphs(text)) {
    let sentence: Piece | undefined
    let goesOn = false
    for (const { start: index, segment } of segments(text, paragraph)) {
      const start = index + segment.length - segment.trimStart().length
      const end = start + segment.trim().length
      if (sentence && goesOn && end - sentence.start <= STRETCH) sentence = { start: sentence.start, end }
      else if (end > start) {
        if (sentence) yield sentence
        sentence = { start, end }
      }
      goesOn = WITHIN_NAME.test(segment)
    }
    if (sentence) yield sentence
  }
}

/** What stands between empty lines. */
function* paragraphs(text: string): Generator<Piece> {
  let start = 0
  for (const { 0: found, index } of text.matchAll(/\n[^\S\n]*\n\s*/g)) {
    yield { start, end: index }
    start = index + found.length
  }
  yield { start, end: text.length }
}

/** Sentences as ICU finds them. */
function* segments(
  text: string,
  { start, end }: Piece,
): Generator<{ readonly start: number; readonly segment: string }> {
  for (let from = start; from < end;) {
    const to = endOfStretch(text, from, end)
    const onOneLine = text.slice(from, to).replace(/[\r\n\u2028\u2029\u0085]/g, ' ')
    const found = Array.from(SENTENCES.segment(onOneLine), ({ index, segment }) => ({ start: from + index, segment }))
    if (to < end && found.length > 1) found.pop() // it may go on behind the stretch
    yield* found
    const last = found.at(-1)!
    from = last.start + last.segment.length
  }
}

/** Behind a space, where there is one. */
function endOfStretch(text: string, from: number, end: number): number {
  const most = from + STRETCH
  if (most >= end) return end
  const space = text.slice(from, most).lastIndexOf(' ')
  if (space >= 0) return from + space + 1
  return isLowSurrogate(text, most) ? most - 1 : most
}

interface Fitting {
  readonly count: Count
  readonly room: number
}

/** Characters for each token of the beginning that tells whether a long sentence is too long. */
const BEGINNING = 8

/** A sentence with its tokens if it fits, or its halves, and theirs. */
async function parts(
  piece: Piece,
  text: string,
  fitting: Fitting & { readonly signal: AbortSignal | undefined },
): Promise<CountedPiece[]> {
  const { count, room, signal } = fitting
  await checkpoint(signal, 'the splitting')
  const beginning = { start: piece.start, end: piece.start + room * BEGINNING }
  const isTooLong = beginning.end < piece.end && count(beginning) > room // so there is no need to count all of it
  const tokens = isTooLong ? Infinity : count(piece)
  if (tokens <= room || piece.end - piece.start <= 1) return [{ ...piece, tokens }]
  const middle = boundary(text, piece)
  const left = { start: piece.start, end: piece.start + text.slice(piece.start, middle).trimEnd().length }
  return [...(await parts(left, text, fitting)), ...(await parts({ start: middle, end: piece.end }, text, fitting))]
}

/** So far from the middle a word is looked for in a text that has no spaces. */
const NEAR = 1000

/**
 * The place between two words that is nearest to the middle, between two lines where one ends not far from there, as code has them; in
 * one long word, the middle.
 */
function boundary(text: string, { start, end }: Piece): number {
  const middle = Math.floor((start + end) / 2)
  const nearest = (most: number, isPlace: (at: number) => boolean) => {
    for (let distance = 0; distance <= most; distance++) {
      const places = [middle - distance, middle + distance]
      const found = places.find((at) => at > start && at < end && isPlace(at))
      if (found !== undefined) return found
    }
    return undefined
  }
  const spaced =
    nearest((end - start) / 4, (at) => isWordStart(text, at) && isLineStart(text, at)) ??
    nearest(end - start, (at) => isWordStart(text, at))
  if (spaced !== undefined) return spaced
  const from = Math.max(start, middle - NEAR)
  const near = WORDS.segment(text.slice(from, Math.min(end, middle + NEAR)))
  const words = new Set(Array.from(near, ({ index }) => from + index).slice(1))
  return nearest(NEAR, (at) => words.has(at)) ?? (isLowSurrogate(text, middle) ? middle + 1 : middle)
}

/** Whether a word begins here, behind a space. A mark that a letter carries is none. */
function isWordStart(text: string, at: number): boolean {
  return /\s/.test(text[at - 1]) && /[^\s\p{M}\p{Cf}]/u.test(text[at])
}

/** Whether a line ends in the spaces in front of a word. */
function isLineStart(text: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && text[before] !== '\n' && /\s/.test(text[before])) before--
  return text[before] === '\n'
}

function isLowSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff
}

/**
 * As many neighbours together as fit. Their tokens are added up, and counted again where they are joined, since a tokenizer may join what
 * stands on both sides of a space.
 */
function* gather(
  pieces: readonly CountedPiece[],
  { count, room, overlap }: Fitting & { readonly overlap: number },
): Generator<Piece> {
  const before = [0] // tokens in front of each piece
  for (const [i, { tokens }] of pieces.entries()) before.push(before[i] + tokens)
  const tokensOf = (first: number, last: number) => before[last + 1] - before[first]
  const joined = (first: number, last: number) => ({ start: pieces[first].start, end: pieces[last].end })
  for (let first = 0, last = 0; last < pieces.length; last++) {
    const least = last // the first sentence that the passage before does not have
    while (last + 1 < pieces.length && tokensOf(first, last + 1) <= room) last++
    while (first < last && count(joined(first, last)) > room) {
      if (last > least) last--
      else first++
    }
    yield joined(first, last)
    let repeated = Math.min(overlap, last - first)
    while (repeated > 0 && tokensOf(last - repeated + 1, last + 1) > room) repeated--
    first = last + 1 - repeated
  }
}
