/**
 * A matrix in characters: a row and a column for each token, the darker the greater. It fits the width of a terminal, in blocks of columns
 * where there are too many, and can be read without colours.
 */
import { columnsOf, fitted } from './columns.js'

export interface HeatMap {
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** [row][column] */
  readonly values: readonly (readonly number[])[]
  /** Shares lie between 0 and 1 and have the same shade in every map; other values are shaded from the least to the greatest. */
  readonly scale: 'share' | 'range'
}

const SHADES = ['·', '░', '▒', '▓', '█'] as const
/** The least share of each shade but the first. */
const SHARES = [0.02, 0.1, 0.25, 0.5] as const
export const LEGEND = `blank 0, ${SHADES[0]} below ${SHARES.map((share, i) => `${share} ${SHADES[i + 1]}`).join(' ')} and above`

const LABEL = 9 // most columns of a row's label
const HEADER = 6 // most lines of a column's label
const GREATEST = 7 // most columns of the label of the greatest value, which stands behind a row: ` ·France .34`

/** Below this a score is that of a place that is masked. */
const MASKED = -1e30

/** Lines of at most `width` columns. */
export function heatMap({ rows, columns, values, scale }: HeatMap, width: number): string[] {
  const label = Math.min(LABEL, Math.max(...rows.map(columnsOf)))
  const greatest = values.map((row) => {
    const value = Math.max(...row)
    const shown = scale === 'share' ? value.toFixed(2).replace(/^0|0$/, '') : value.toFixed(1)
    return ` ${fitted(columns[row.indexOf(value)], GREATEST)} ${shown}`
  })
  const room = Math.max(8, width - label - 1 - Math.max(...greatest.map(columnsOf)))
  const blocks = Math.ceil(columns.length / room)
  const perBlock = Math.ceil(columns.length / blocks)
  const cell = 2 * perBlock <= room ? 2 : 1
  const shade = shades(values, scale)
  return Array.from({ length: blocks }, (_, block) => {
    const [from, to] = [block * perBlock, Math.min(columns.length, (block + 1) * perBlock)]
    const body = rows.map((row, i) => {
      const cells = values[i].slice(from, to).map((value) => shade(value).repeat(cell)).join('') // prettier-ignore
      return `${fitted(row, label, { right: true })} ${cells}${block === blocks - 1 ? greatest[i] : ''}`
    })
    const number = blocks > 1 ? [`columns ${from + 1} to ${to} of ${columns.length}`] : []
    return [...number, ...header(columns.slice(from, to), cell, label + 1), ...body]
  }).flat()
}

function shades(values: HeatMap['values'], scale: HeatMap['scale']): (value: number) => string {
  if (scale === 'share') {
    return (value) => (value === 0 ? ' ' : SHADES[SHARES.filter((share) => value >= share).length])
  }
  const { least, greatest } = rangeOf(values)
  const step = (greatest - least || 1) / SHADES.length
  return (value) => (value <= MASKED ? ' ' : SHADES[Math.min(SHADES.length - 1, Math.floor((value - least) / step))])
}

/** Of what is not masked. */
export function rangeOf(values: HeatMap['values']): { readonly least: number; readonly greatest: number } {
  const seen = values.flat().filter((value) => value > MASKED)
  return { least: Math.min(...seen), greatest: Math.max(...seen) }
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** The labels of the columns, written downwards; a character that is wider than its column is a ▯. */
function header(labels: readonly string[], cell: number, indent: number): string[] {
  const letters = labels.map((label) => Array.from(graphemes.segment(label), ({ segment }) => segment))
  const lines = Math.min(HEADER, Math.max(...letters.map(({ length }) => length)))
  return Array.from({ length: lines }, (_, line) => {
    const row = letters.map((label) => {
      const letter = line === HEADER - 1 && label.length > HEADER ? '…' : (label[line] ?? ' ')
      return fitted(columnsOf(letter) > cell ? '▯' : letter, cell)
    })
    return (' '.repeat(indent) + row.join('')).trimEnd()
  })
}
