/**
 * Rows of tables as lines that can be read alone, `Country: Arlen; Capital: Brask`: a passage may hold one row and not the row of headers, and an
 * encoder sees no columns.
 */
import type { Outline } from './outline.js'

export interface RowCell {
  /** The header of its column or row; '' where there is none. */
  readonly label: string
  /** Where the cell begins in the source. */
  readonly start: number
  /** Puts its text into the outline. Not called for a cell without text. */
  readonly add: () => void
  readonly isEmpty: boolean
}

/** Most characters of a header. A longer one is a text, and would be repeated in each row. */
const LONGEST_LABEL = 100

export function addRow(outline: Outline, cells: readonly RowCell[]): void {
  outline.paragraph()
  const filled = cells.filter(({ isEmpty }) => !isEmpty)
  for (const [i, { label, start, add }] of filled.entries()) {
    if (i > 0) outline.text.insert('; ')
    if (label !== '' && label.length <= LONGEST_LABEL) outline.text.append(`${label}: `, start, start)
    add()
  }
  outline.paragraph()
}
