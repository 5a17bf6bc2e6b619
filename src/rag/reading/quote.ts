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
  /^(?: {2,}|\t|[$#>\-\\{}]|>>> )|[{}=|<>]|\w\(|;\r?$| {3,}\S|^(?:[a-z]+ )?--?\w|^(?:npm|npx|pip|git|cd|sudo|apt|python3?|node) /

/** What an item of a list begins with, where no empty line parts it from others. */
const ITEM = /^[^\S\n]*(?:[-*+•–]|\d{1,3}[.)])[^\S\n]+(?=\S)/
/** Ends a segment that is no sentence: an abbreviation before a capital or a number, or an initial. */
const ABBREVIATION =
  /(?:^|[\s("“'])(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|Gen|Col|Capt|Lt|Sgt|Rev|Hon|No|Nos|Nr|Fig|Figs|Eq|Sec|Ch|Vol|pp?|vs|cf|ca|approx|e\.g|i\.e|Jr|Sr|\p{Lu})\.\s*$/u

/**
 * The range of the text to be quoted for the span [start, end): one line or sentence, or more where the span reaches into more.
 * It reaches over an empty line only where the span does.
 */
export function quoteAround(text: string, { start, end }: TextSpan): TextSpan {
  const first = unitAround(text, start)
  const last = end - 1 < first.end ? first : unitAround(text, end - 1)
  return { start: Math.min(start, first.start), end: Math.max(end, last.end) }
}

/** The sentence or line of the character at a place, without white space around it. */
function unitAround(text: string, at: number): TextSpan {
  const paragraph = paragraphAround(text, at)
  const lines = linesOf(text, paragraph)
  const place = Math.max(
    0,
    lines.findIndex(({ end }) => at < end),
  )
  const line = lines[place]
  if (isRow(text, line)) return trimmed(text, line)
  const item = itemAround(text, lines, place)
  if (item) return trimmed(text, at < item.start ? item : sentenceAround(text, item, at))
  return trimmed(text, isCode(text, lines) ? line : sentenceAround(text, paragraph, at))
}

/** The item of a list that a line is part of, without what it begins with. */
function itemAround(text: string, lines: readonly TextSpan[], place: number): TextSpan | undefined {
  const marks = lines.map(({ start, end }) => ITEM.exec(text.slice(start, end))?.[0].length)
  const first = marks.findLastIndex((mark, i) => i <= place && mark !== undefined)
  if (first < 0) return undefined
  const next = marks.findIndex((mark, i) => i > place && mark !== undefined)
  const last = next < 0 ? lines.length - 1 : next - 1
  return { start: lines[first].start + marks[first]!, end: lines[last].end }
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

/** How far around a place its sentence is looked for: what goes on without a full stop is quoted from a word about here to one about there. */
const REACH = 1000

/** A line break within prose is a space. */
function sentenceAround(text: string, whole: TextSpan, at: number): TextSpan {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'sentence' })
  const { start, end } = near(text, whole, at)
  const prose = text.slice(start, end).replace(/[\r\n\u2028\u2029\u0085]/g, ' ')
  let from = start
  for (const { index, segment } of segmenter.segment(prose)) {
    const to = start + index + segment.length
    if (ABBREVIATION.test(segment)) continue
    if (to > at) return { start: from, end: to }
    from = to
  }
  return { start: from, end }
}

/** The part of a range within reach of a place; cut at white space, where there is any. */
function near(text: string, { start, end }: TextSpan, at: number): TextSpan {
  const [least, most] = [at - REACH, at + REACH].map((cut) =>
    /[\udc00-\udfff]/.test(text.charAt(cut)) ? cut - 1 : cut,
  )
  const before = text.slice(Math.max(0, least), at).search(/\s/)
  const after = text.slice(at, most).search(/\s\S*$/)
  return {
    start: start >= least ? start : least + Math.max(0, before),
    end: end <= most ? end : after > 0 ? at + after : most,
  }
}

function trimmed(text: string, { start, end }: TextSpan): TextSpan {
  const part = text.slice(start, end)
  const from = start + part.length - part.trimStart().length
  return { start: from, end: Math.max(from, start + part.trimEnd().length) }
}
