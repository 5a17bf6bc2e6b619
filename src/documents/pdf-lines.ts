/**
 * The lines of a PDF's pages, and what their sizes and places tell: which are headings, where a paragraph ends. A PDF has letters at places and
 * nothing else; lines come in the order in which the page draws them, which in columns is column by column for nearly all programs.
 */
import type { StructuredTextItem } from 'unpdf'

export interface PdfLine {
  /** A part of the page's text, without the end of the line. */
  readonly start: number
  readonly end: number
  /** Size of its smallest letters, in points. */
  readonly size: number
  /** Height of its baseline over the foot of the page, in points. */
  readonly y: number
}

export interface PdfPage {
  /** What the text layer says, line by line. */
  readonly text: string
  readonly lines: readonly PdfLine[]
}

/** Headings are at least so much larger than most of the text, and not longer than so many characters. */
const HEADING_SIZE = 1.15
const LONGEST_HEADING = 200
/** A paragraph begins where a line is so much farther from the one above than most are. */
const PARAGRAPH_GAP = 1.25
/** Distance of lines for each point of their size, where a document is too short to tell. */
const SINGLE_SPACED = 1.2

export function pageOf(items: readonly StructuredTextItem[]): PdfPage {
  const lines: PdfLine[] = []
  let text = '' // the lines before
  let line = ''
  let [size, y] = [Infinity, 0]
  const endLine = (lineBreak: string) => {
    if (line.trim() !== '') lines.push({ start: text.length, end: text.length + line.length, size, y })
    text += line + lineBreak
    ;[line, size] = ['', Infinity]
  }
  for (const item of items) {
    if (item.str.trim() !== '') {
      if (size === Infinity) y = item.y
      size = Math.min(size, item.fontSize)
    }
    line += item.str
    if (item.hasEOL) endLine('\n')
  }
  endLine('')
  return { text, lines }
}

/** What holds for a whole document. */
export class PdfLayout {
  /** Distance between the baselines of most lines, for each point of their size. */
  readonly #gap: number
  readonly #levels: ReadonlyMap<number, number>
  /** Words that are written with a hyphen where no line ends. */
  readonly #hyphenated: ReadonlySet<string>

  constructor(pages: readonly PdfPage[]) {
    const bySize = new Map<number, number>()
    const lines = pages.flatMap((page) => page.lines)
    for (const { size, start, end } of lines) count(bySize, rounded(size), end - start)
    const bodySize = mostCommon(bySize)
    const byGap = new Map<number, number>()
    for (const [i, line] of lines.slice(1).entries()) {
      const gap = gapBetween(lines[i], line)
      if (gap > 0 && [lines[i], line].every(({ size }) => rounded(size) === bodySize))
        count(byGap, gap, line.end - line.start)
    }
    this.#gap = mostCommon(byGap) || SINGLE_SPACED
    const larger = [...bySize.keys()].filter((size) => size >= bodySize * HEADING_SIZE)
    this.#levels = new Map(larger.sort((a, b) => b - a).map((size, i) => [size, Math.min(i + 1, 6)]))
    this.#hyphenated = new Set(pages.flatMap(({ text }) => text.match(/(?<!\p{L})\p{L}+[-\u2010]\p{L}+/gu) ?? []))
  }

  /** 1 to 6 for a line in the size of a heading, by how many larger sizes there are; 0 for others. */
  levelOf({ size }: PdfLine): number {
    return this.#levels.get(rounded(size)) ?? 0
  }

  /** Whether a heading is what it looks like, and no large initial letter or text in large letters. */
  isHeading(text: string): boolean {
    return text.length <= LONGEST_HEADING && (text.match(/\p{L}/gu)?.length ?? 0) >= 3
  }

  beginsParagraph(above: PdfLine, line: PdfLine): boolean {
    return gapBetween(above, line) > this.#gap * PARAGRAPH_GAP
  }

  /**
   * How many characters at the end of a line part a word that goes on in the next line: 1 for a hyphen, 0 where the hyphen is the word's own,
   * undefined where no word is parted.
   */
  hyphenBetween(line: string, next: string): number | undefined {
    const before = /(?<!\p{L})\p{L}+[-\u2010\u00ad]$/u.exec(line)?.[0]
    const after = /^\p{Ll}+/u.exec(next)?.[0]
    if (before === undefined || after === undefined) return undefined
    return this.#hyphenated.has(before + after) ? 0 : 1
  }
}

function gapBetween(above: PdfLine, { y, size }: PdfLine): number {
  return Math.round((20 * (above.y - y)) / size) / 20
}

/** To half points. */
function rounded(size: number): number {
  return Math.round(2 * size) / 2
}

function count(counts: Map<number, number>, key: number, times: number): void {
  counts.set(key, (counts.get(key) ?? 0) + times)
}

function mostCommon(counts: ReadonlyMap<number, number>): number {
  return [...counts].reduce(([best, most], [key, times]) => (times > most ? [key, times] : [best, most]), [0, 0])[0]
}
