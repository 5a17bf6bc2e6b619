/**
 * Tables of HTML: each row becomes a line in which every cell has the header of its column, or of its row, in front. A table without headers
 * that places blocks beside each other is read block by block.
 */
import { attributeOf, childrenOf, isElement, textOf, type HtmlElement, type HtmlNode } from './html-nodes.js'
import type { Outline } from './outline.js'
import { addRow, type RowCell } from './table-rows.js'

/** Writes parts of a table into its outline. */
export interface CellWriter {
  readonly outline: Outline
  write(node: HtmlNode): void
  /** What a cell holds, as a part of a line; `inParts` where the first of its paragraphs says what the others are about. */
  writeInCell(cell: HtmlElement, inParts: boolean): void
  /** Where an element's content begins in the text that the outline leads to. */
  startOf(element: HtmlElement): number
}

interface Row {
  readonly cells: readonly HtmlElement[]
  /** All of it are names of columns. */
  readonly isHeader: boolean
}

interface PlacedCell {
  /** Undefined for one of a row above that reaches into this one. */
  readonly cell: HtmlElement | undefined
  readonly text: string
  readonly column: number
  readonly columns: number
}

/** A cell of a row above: what it says, and into how many rows it reaches still. */
interface Reaching {
  readonly text: string
  readonly rows: number
}

/** Columns that are counted. A text that is longer is not repeated in the rows that its cell reaches into. */
const MOST_COLUMNS = 100
const LONGEST_REPEATED = 100
const BLOCKS = new Set(
  'address article blockquote dl div figure form h1 h2 h3 h4 h5 h6 ol p pre section table ul'.split(' '),
)

export function addHtmlTable(table: HtmlElement, writer: CellWriter): void {
  for (const child of childrenOf(table)) if (child.nodeName === 'caption') writer.write(child)
  const rows = rowsOf(table)
  const hasHeaders = rows.some(({ cells }) => cells.some(isHeaderCell))
  if (!hasHeaders && rows.some(({ cells }) => cells.some(holdsBlocks))) {
    for (const { cells } of rows) for (const cell of cells) writer.write(cell)
    return
  }
  const hasData = rows.some(({ isHeader }) => !isHeader)
  const headers: string[] = [] // by column
  const inParts: boolean[] = [] // by column: its header names the paragraphs of its cells
  let reaching: readonly (Reaching | undefined)[] = []
  for (const { cells, isHeader } of rows) {
    const row = placeCells(cells, reaching)
    reaching = row.reaching
    if (!isHeader || !hasData) {
      addRow(writer.outline, labelledCells(row.placed, { headers, inParts, writer }))
      continue
    }
    for (const { cell, text, column, columns } of row.placed) {
      if (!cell) continue // it is there from the row above
      for (let c = column; c < column + columns; c++) {
        inParts[c] = namesParts(cell)
        headers[c] = [headers[c], inParts[c] ? '' : text].filter(Boolean).join(' ')
      }
    }
  }
}

/** With the headers of the columns; where there are none, the first cell may be the header of the second. */
function labelledCells(
  placed: readonly PlacedCell[],
  {
    headers,
    inParts,
    writer,
  }: { readonly headers: readonly string[]; readonly inParts: readonly boolean[]; readonly writer: CellWriter },
): RowCell[] {
  const [first, second] = placed
  const isNamed = headers.length === 0 && isHeaderCell(first.cell) && second?.cell && !isHeaderCell(second.cell)
  const shown = isNamed ? placed.slice(1) : placed
  const rowStart = writer.startOf(placed.find(({ cell }) => cell)!.cell!)
  return shown.map(({ cell, text, column }, i) => {
    const label = isNamed && i === 0 ? first.text : (headers[column] ?? '')
    const start = cell ? writer.startOf(cell) : rowStart
    const add = () =>
      cell ? writer.writeInCell(cell, inParts[column] ?? false) : writer.outline.text.append(text, start, start)
    return { label, start, add, isEmpty: text === '' }
  })
}

/** The rows of the table itself, not those of tables in its cells. */
function rowsOf(table: HtmlElement): Row[] {
  const rows: Row[] = []
  let isAbove = true // there were only headers so far
  for (const section of elementsOf(table, ['thead', 'tbody', 'tfoot'])) {
    for (const row of elementsOf(section, ['tr'])) {
      const cells = elementsOf(row, ['td', 'th'])
      if (cells.length === 0) continue
      const isHeader: boolean =
        section.nodeName === 'thead' || (isAbove && cells.length > 1 && cells.every(isHeaderCell))
      isAbove &&= isHeader
      rows.push({ cells, isHeader })
    }
  }
  return rows
}

/** Cells in their columns, with what reaches into the row from above, and what reaches from here into the next. */
function placeCells(
  cells: readonly HtmlElement[],
  above: readonly (Reaching | undefined)[],
): { readonly placed: readonly PlacedCell[]; readonly reaching: readonly (Reaching | undefined)[] } {
  const placed: PlacedCell[] = []
  const reaching: (Reaching | undefined)[] = []
  for (let column = 0, next = 0; next < cells.length || column < above.length; column++) {
    const covering = above[column]
    if (covering) {
      placed.push({ cell: undefined, text: covering.text, column, columns: 1 })
      if (covering.rows > 1) reaching[column] = { ...covering, rows: covering.rows - 1 }
      continue
    }
    if (next === cells.length) continue
    const cell = cells[next++]
    const text = textOf(cell)
    const columns = spanOf(cell, 'colspan', MOST_COLUMNS)
    const rows = spanOf(cell, 'rowspan', Infinity)
    placed.push({ cell, text, column, columns })
    for (let c = column; rows > 1 && c < Math.min(column + columns, MOST_COLUMNS); c++) {
      reaching[c] = { text: c === column && text.length <= LONGEST_REPEATED ? text : '', rows: rows - 1 }
    }
    column += columns - 1
  }
  return { placed, reaching }
}

function spanOf(cell: HtmlElement, name: 'colspan' | 'rowspan', most: number): number {
  const value = Number.parseInt(attributeOf(cell, name) ?? '1')
  return value >= 1 ? Math.min(value, most) : 1
}

function elementsOf(node: HtmlNode, names: readonly string[]): HtmlElement[] {
  return childrenOf(node)
    .filter((child) => isElement(child))
    .filter(({ nodeName }) => names.includes(nodeName))
}

function isHeaderCell(cell: HtmlElement | undefined): boolean {
  return cell?.nodeName === 'th'
}

/** Whether a header has a paragraph for each of a cell's, such as "Column" and "Description". */
function namesParts(header: HtmlElement): boolean {
  return elementsOf(header, ['p']).length > 1
}

function holdsBlocks(node: HtmlNode): boolean {
  return childrenOf(node).some((child) => BLOCKS.has(child.nodeName) || holdsBlocks(child))
}
