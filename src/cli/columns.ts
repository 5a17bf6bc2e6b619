/**
 * Text in the columns of a terminal, where a character may take two columns or none.
 */
import stringWidth from 'string-width'
import type { TextSpan } from '../tokenizer/index.js'
import { oneLine } from './terminal.js'

/** Columns that the text takes; colours take none. */
export function columnsOf(text: string): number {
  return stringWidth(text)
}

/** The text on one line in exactly `columns` columns: cut with an ellipsis, or filled up with spaces, before it with `right`. */
export function fitted(text: string, columns: number, { right = false }: { readonly right?: boolean } = {}): string {
  const shown = oneLine(text, columns)
  const filling = ' '.repeat(Math.max(0, columns - columnsOf(shown)))
  return right ? filling + shown : shown + filling
}

export interface WrapOptions {
  /** Undefined where lines may be of any length. */
  readonly width: number | undefined
  /** Put before each line. */
  readonly indent: string
  /** Parts of the text to highlight, in their order and apart from each other. */
  readonly marked?: readonly TextSpan[]
  /** Before and after a highlighted part. */
  readonly mark: readonly [string, string]
}

/** A character as it is read, or a mark. */
interface Cell {
  readonly text: string
  readonly columns: number
}

/** A text in lines, broken at spaces where there are any. Control characters and runs of spaces are one space. */
export function wrapped(text: string, { width, indent, marked = [], mark }: WrapOptions): string[] {
  const room = width === undefined ? Infinity : Math.max(10, width - columnsOf(indent))
  const lines: Cell[][] = []
  let line: Cell[] = []
  for (const cell of cellsOf(text, marked, mark)) {
    const isSpace = cell.text === ' '
    if (isSpace && (line.length === 0 || line.at(-1)!.text === ' ')) continue
    line.push(cell)
    if (isSpace || sum(line) <= room) continue
    const space = line.findLastIndex(({ text }) => text === ' ')
    lines.push(space < 0 ? line.slice(0, -1) : line.slice(0, space))
    line = space < 0 ? [cell] : line.slice(space + 1)
  }
  if (line.length > 0) lines.push(line)
  return lines.map((cells) => indent + cells.map(({ text }) => text).join('').trimEnd()) // prettier-ignore
}

function sum(cells: readonly Cell[]): number {
  return cells.reduce((columns, cell) => columns + cell.columns, 0)
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

function cellsOf(text: string, marked: readonly TextSpan[], [open, close]: readonly [string, string]): Cell[] {
  const cell = (text: string): Cell => ({ text, columns: columnsOf(text) })
  return Array.from(graphemes.segment(text), ({ segment, index }) => {
    const shown = cell(segment.replace(/[\s\p{Cc}]+/gu, ' '))
    const starts = marked.some(({ start }) => start === index)
    const ends = marked.some(({ end }) => end === index + segment.length)
    return [...(starts ? [cell(open)] : []), shown, ...(ends ? [cell(close)] : [])]
  }).flat()
}
