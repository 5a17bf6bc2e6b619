/**
 * Where the cells of a heat map lie, and how keys move among them. All lengths are CSS pixels; cells are whole pixels wide, so that
 * edges stay sharp.
 */
import type { Cell } from './map-weights.js'

export interface MapSize {
  readonly rows: number
  readonly columns: number
}

const SMALLEST_CELL = 13
const LARGEST_CELL = 26
/** Labels are set in 12 pixels, of which a letter takes a little more than half. */
const LETTER = 6.8
const LABEL_MARGIN = 12
const SMALLEST_LABEL = 56
const LARGEST_LABEL = 96

/** Room beside the rows and above the columns for their labels; longer ones are cut. */
export function labelRoom(labels: readonly string[]): number {
  const longest = Math.max(0, ...labels.map(({ length }) => length))
  return Math.min(LARGEST_LABEL, Math.max(SMALLEST_LABEL, Math.ceil(longest * LETTER) + LABEL_MARGIN))
}

/** The widest cell with which all columns fit into `width`, within what is legible; a wider map scrolls. */
export function cellSize(width: number, columns: number): number {
  const fitting = Math.floor(width / Math.max(1, columns))
  return Math.min(LARGEST_CELL, Math.max(SMALLEST_CELL, fitting))
}

/** The cell at a place in the map, labels not counted; undefined outside. */
export function cellAt(x: number, y: number, cell: number, { rows, columns }: MapSize): Cell | undefined {
  const [query, key] = [Math.floor(y / cell), Math.floor(x / cell)]
  return query >= 0 && query < rows && key >= 0 && key < columns ? { query, key } : undefined
}

/** Where a keyboard key leads from a cell; undefined for a key that does not move. */
export function moveCell({ query, key }: Cell, pressed: string, { rows, columns }: MapSize): Cell | undefined {
  const PAGE = 10
  const to = (nextQuery: number, nextKey: number): Cell => ({
    query: Math.min(rows - 1, Math.max(0, nextQuery)),
    key: Math.min(columns - 1, Math.max(0, nextKey)),
  })
  switch (pressed) {
    case 'ArrowLeft':
      return to(query, key - 1)
    case 'ArrowRight':
      return to(query, key + 1)
    case 'ArrowUp':
      return to(query - 1, key)
    case 'ArrowDown':
      return to(query + 1, key)
    case 'Home':
      return to(query, 0)
    case 'End':
      return to(query, columns - 1)
    case 'PageUp':
      return to(query - PAGE, key)
    case 'PageDown':
      return to(query + PAGE, key)
    default:
      return undefined
  }
}
