/**
 * Tables as CSV, for the panels' numbers and the attention maps.
 */

/** Rows of cells by RFC 4180: cells with commas, quotes or line breaks in quotes. A text that a spreadsheet would run as a formula gets a `'`. */
export function toCsv(rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number): string => {
    if (typeof value === 'number') return String(value)
    const text = /^[=+@\t\r-]/.test(value) ? `'${value}` : value
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}
