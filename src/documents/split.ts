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
    const title = titleOf(document.title, headingPath, (title) => counter.countTokens(title) <= maxTokens / 2)
    const room = maxTokens - counter.countTokens(passageText({ title, text: '' }))
    const count = ({ start, end }: Piece) => counter.countTokens(text.slice(start, end)) - empty
    const pieces: CountedPiece[] = []
    for (const sentence of sentences(text)) {
      await checkpoint(signal, 'the splitting')
      pieces.push(...parts(sentence, text, count, room))
    }
    for (const piece of gather(pieces, { count, room, overlap })) {
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
  const words = innermost.split(' ')
  while (words.length > 0 && !fits(words.join(' '))) words.pop()
  return words.join(' ')
}

function withoutRepeats(names: readonly string[]): string[] {
  return names.filter((name, i) => name !== '' && name !== names[i - 1])
}

const SENTENCES = /* @__PURE__ */ new Intl.Segmenter('en', { granularity: 'sentence' })
const WORDS = /* @__PURE__ */ new Intl.Segmenter('en', { granularity: 'word' })

/** Where a sentence ends in ICU's eyes though its dot stands within a name, as in `sqlite3.Error` and `NEW.*`. */
const WITHIN_NAME = /[.!?]$/

/** Sentences without the spaces around them. An empty line ends one, the end of a line does not. */
function sentences(text: string): Piece[] {
  return split(text, /\n[^\S\n]*\n\s*/g).flatMap((paragraph) => {
    const onOneLine = text.slice(paragraph.start, paragraph.end).replace(/[\r\n\u2028\u2029\u0085]/g, ' ')
    const found: Piece[] = []
    let goesOn = false
    for (const { index, segment } of SENTENCES.segment(onOneLine)) {
      const start = paragraph.start + index + segment.length - segment.trimStart().length
      const piece = { start, end: start + segment.trim().length }
      if (goesOn) found.push({ start: found.pop()!.start, end: piece.end })
      else if (piece.end > piece.start) found.push(piece)
      goesOn = WITHIN_NAME.test(segment)
    }
    return found
  })
}

/** What stands between the separators. */
function split(text: string, separator: RegExp): Piece[] {
  const pieces: Piece[] = []
  let start = 0
  for (const { 0: found, index } of text.matchAll(separator)) {
    pieces.push({ start, end: index })
    start = index + found.length
  }
  return [...pieces, { start, end: text.length }]
}

/** A sentence with its tokens if it fits, or its halves, and theirs. */
function parts(piece: Piece, text: string, count: Count, room: number): CountedPiece[] {
  const tokens = count(piece)
  if (tokens <= room || piece.end - piece.start <= 1) return [{ ...piece, tokens }]
  const middle = boundary(text, piece)
  const left = { start: piece.start, end: piece.start + text.slice(piece.start, middle).trimEnd().length }
  return [left, { start: middle, end: piece.end }].flatMap((half) => parts(half, text, count, room))
}

/**
 * The place between two words that is nearest to the middle, between two lines where one ends not far from there, as code has them; in
 * one long word, the middle.
 */
function boundary(text: string, { start, end }: Piece): number {
  const middle = Math.floor((start + end) / 2)
  const words = Array.from(WORDS.segment(text.slice(start, end)), ({ index }) => start + index).slice(1)
  const between = words.filter((at) => /\s/.test(text[at - 1]) && !/\s/.test(text[at]))
  const nearest = (places: readonly number[]) =>
    places.reduce((best, at) => (Math.abs(at - middle) < Math.abs(best - middle) ? at : best))
  const lines = between.filter((at) => isLineStart(text, at) && Math.abs(at - middle) <= (end - start) / 4)
  if (lines.length > 0) return nearest(lines)
  if (between.length > 0) return nearest(between)
  if (words.length > 0) return nearest(words)
  return isLowSurrogate(text, middle) ? middle + 1 : middle
}

function isLineStart(text: string, at: number): boolean {
  return /\n\s*$/.test(text.slice(text.lastIndexOf('\n', at - 1), at))
}

function isLowSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff
}

/**
 * As many neighbours together as fit. Their tokens are added up, and counted again where they are joined, since a tokenizer may join what
 * stands on both sides of a space.
 */
function gather(
  pieces: readonly CountedPiece[],
  { count, room, overlap }: { readonly count: Count; readonly room: number; readonly overlap: number },
): Piece[] {
  const gathered: Piece[] = []
  const tokensOf = (first: number, last: number) =>
    pieces.slice(first, last + 1).reduce((sum, { tokens }) => sum + tokens, 0)
  const joined = (first: number, last: number) => ({ start: pieces[first].start, end: pieces[last].end })
  for (let first = 0, last = 0; last < pieces.length; last++) {
    const least = last // the first sentence that the passage before does not have
    while (last + 1 < pieces.length && tokensOf(first, last + 1) <= room) last++
    while (first < last && count(joined(first, last)) > room) {
      if (last > least) last--
      else first++
    }
    gathered.push(joined(first, last))
    let repeated = Math.min(overlap, last - first)
    while (repeated > 0 && tokensOf(last - repeated + 1, last + 1) > room) repeated--
    first = last + 1 - repeated
  }
  return gathered
}
