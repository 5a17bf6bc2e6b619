/**
 * A text that remembers where its parts come from. A parser leaves out markup and decodes entities; the spans lead from any place in the
 * text that is left to the place in the file.
 */

/** A part of a text, and the part of the source that it stands for. Where both are of one length, they agree character by character. */
export interface Span {
  /** First character in the text; the span ends where the next one begins. */
  readonly at: number
  readonly length: number
  /** First character in the source, and the one after the last. */
  readonly start: number
  readonly end: number
}

export interface SourceRange {
  readonly start: number
  readonly end: number
}

/**
 * Where a part of a text stands in its source: the shortest range that holds all of it. A browser moves what stands at a wrong place in a table, so
 * the spans of HTML are not always in the order of the source.
 */
export function sourceRange(spans: readonly Span[], start: number, end: number): SourceRange {
  const [first, last] = [spanAt(spans, start), spanAt(spans, end - 1)]
  let range = { start: Infinity, end: -Infinity }
  for (let i = first; i <= last; i++) {
    const span = spans[i]
    const from = i === first && isVerbatim(span) ? Math.min(span.start + start - span.at, span.end) : span.start
    const to = i === last && isVerbatim(span) ? Math.min(span.start + end - span.at, span.end) : span.end
    range = { start: Math.min(range.start, from), end: Math.max(range.end, to) }
  }
  return range
}

/** Number of the last span that begins at or before a character, or 0. */
export function spanAt(spans: readonly Span[], at: number): number {
  let [low, high] = [0, spans.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (spans[middle].at <= at) low = middle
    else high = middle - 1
  }
  return low
}

export function isVerbatim({ length, start, end }: Span): boolean {
  return length === end - start
}

/** Collects a text piece by piece. */
export class TextBuilder {
  readonly #pieces: string[] = []
  readonly #spans: Span[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Text that stands nowhere in the source, such as what parts two paragraphs. */
  insert(text: string): void {
    this.#pieces.push(text)
    this.#length += text.length
  }

  /** Text that stands for source[start, end). Verbatim neighbours become one span. */
  append(text: string, start: number, end: number): void {
    if (text === '') return
    const span = { at: this.#length, length: text.length, start, end }
    const before = this.#spans.at(-1)
    const continues =
      before && isVerbatim(before) && isVerbatim(span) && before.end === start && before.at + before.length === span.at
    if (continues) this.#spans[this.#spans.length - 1] = { ...before, length: before.length + text.length, end }
    else this.#spans.push(span)
    this.insert(text)
  }

  /** What a parser made of source[start, end): entities decoded, markup at the beginnings of lines left out. */
  appendDecoded(text: string, source: string, start: number, end: number): void {
    const raw = source.slice(start, end)
    let from = 0
    for (const line of text.split(/(?<=\n)/)) {
      const found = indexNear(raw, line, from)
      if (found >= 0) {
        from = found + line.length
        this.append(line, start + found, start + from)
      } else from = this.#align(line, raw, from, start)
    }
  }

  /** Walks along a line and what it was made of; an entity stands for one character. Returns where the line ends in `raw`. */
  #align(line: string, raw: string, from: number, shift: number): number {
    let [at, done] = [from, 0]
    for (const character of line) {
      const entity = entityAt(raw, at)
      const decoded = entity !== '' && (character !== '&' || AMPERSAND.test(entity))
      const found = decoded ? at : raw.indexOf(character, at)
      if (found < 0) break
      at = found + (decoded ? entity.length : character.length)
      this.append(character, shift + found, shift + at)
      done += character.length
    }
    if (done === line.length) return at
    this.append(line.slice(done), shift + at, shift + raw.length) // somewhere in what is left
    return raw.length
  }

  /** The text and its spans; the builder is empty afterwards. */
  take(): { readonly text: string; readonly spans: readonly Span[] } {
    const taken = { text: this.#pieces.join(''), spans: [...this.#spans] }
    this.#pieces.length = this.#spans.length = this.#length = 0
    return taken
  }
}

/** Most characters of markup in front of a line: a fence, the marks of a quotation or of a list. */
const LONGEST_MARGIN = 1000

/**
 * Where a line stands in what it was made of, from a place on, or -1 where it does not stand nearby. Looking through all of a long text for each line that
 * does not stand there as it is, an end of line of Windows is enough, would take the square of its length.
 */
export function indexNear(raw: string, line: string, from: number): number {
  const found = raw.slice(from, from + LONGEST_MARGIN + line.length).indexOf(line)
  return found < 0 ? -1 : from + found
}

const ENTITY = /&#?\w+;?/y
const AMPERSAND = /^&(amp|#0*38|#x0*26);?$/i

/** The entity that begins here, or ''. */
function entityAt(source: string, at: number): string {
  ENTITY.lastIndex = at
  return ENTITY.exec(source)?.[0] ?? ''
}
