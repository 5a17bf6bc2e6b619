/**
 * What is shown around a span: the sentence, the item of a list, the row of a table or the line of code that it stands in.
 */
import type { TextSpan } from '../../tokenizer/index.js'

/** Parts paragraphs, and so items of a list, rows of a table and blocks of code. */
const PARAGRAPH = /\n[^\S\n]*\n\s*/g
/** `header: value; header: value`, as tables are read. */
const ROW = /^[^:;\n]{1,40}: [^;\n]+(?:; [^:;\n]{1,40}: )/
/** What sentences of prose do not begin with, or hold. */
const CODE =
  /^(?: {2,}|\t|[$#>\-\\{}]|>>> )|[{}=|<>]|\w\(|;$| {3,}\S|^(?:[a-z]+ )?--?\w|^(?:npm|npx|pip|git|cd|sudo|apt|python3?|node) /

/** @returns the range of the text to be quoted for the span [start, end), one line or sentence; the span itself where it is longer */
export function quoteAround(text: string, { start, end }: TextSpan): TextSpan {
  const paragraph = paragraphAround(text, start)
  const lines = linesOf(text, paragraph)
  const first = lines.find((line) => start < line.end) ?? lines[lines.length - 1]
  const around = isRow(text, first) || isCode(text, lines) ? first : sentenceAround(text, paragraph, start)
  return trimmed(text, { start: Math.min(start, around.start), end: Math.max(end, around.end) })
}

function paragraphAround(text: string, at: number): TextSpan {
  let start = 0
  for (const { 0: gap, index } of text.matchAll(PARAGRAPH)) {
    if (index >= at) return { start, end: index }
    start = Math.min(at, index + gap.length)
  }
  return { start, end: text.length }
}

function linesOf(text: string, { start, end }: TextSpan): TextSpan[] {
  const lines: TextSpan[] = []
  for (let at = start; at <= end;) {
    const found = text.indexOf('\n', at)
    const stop = found < 0 || found > end ? end : found
    lines.push({ start: at, end: stop })
    at = stop + 1
  }
  return lines
}

function isRow(text: string, { start, end }: TextSpan): boolean {
  return ROW.test(text.slice(start, end))
}

/** Several lines, most of which look like code. */
function isCode(text: string, lines: readonly TextSpan[]): boolean {
  const code = lines.filter(({ start, end }) => CODE.test(text.slice(start, end)))
  return lines.length > 1 && code.length * 2 > lines.length
}

let segmenter: Intl.Segmenter | undefined

/** A line break within a paragraph of prose is a space. */
function sentenceAround(text: string, { start, end }: TextSpan, at: number): TextSpan {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'sentence' })
  const paragraph = text.slice(start, end).replace(/[\r\n\u2028\u2029\u0085]/g, ' ')
  for (const { index, segment } of segmenter.segment(paragraph)) {
    if (start + index + segment.length > at) return { start: start + index, end: start + index + segment.length }
  }
  return { start, end }
}

function trimmed(text: string, { start, end }: TextSpan): TextSpan {
  const part = text.slice(start, end)
  return { start: start + part.length - part.trimStart().length, end: start + part.trimEnd().length }
}
