/**
 * How the lessons print: tables, heat maps, and whether a number made by hand is the engine's.
 */

/** Rows under a header, in columns that line up. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)))
  for (const row of [header, ...rows]) {
    const cells = row.map((cell, column) =>
      isNumber(cell) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
    )
    console.log(`  ${cells.join('  ')}`.trimEnd())
  }
}

/**
 * Probabilities in percent, a row for each label; below half a percent a dot. Columns are numbered as the rows are,
 * from `from` on.
 * @param probs [row, column]
 */
export function heatMap(labels: readonly string[], probs: readonly (readonly number[])[], from = 0): void {
  const width = Math.max(...labels.map((label) => label.length))
  const cell = (text: string) => text.padStart(4)
  console.log(`  ${' '.repeat(width + 3)}${probs[0].map((_, column) => cell(String(column + from))).join('')}`)
  for (const [row, values] of probs.entries()) {
    const cells = values.map((p) => cell(p < 0.005 ? '·' : (100 * p).toFixed(0)))
    console.log(`  ${String(row + from).padStart(2)} ${labels[row].padEnd(width)}${cells.join('')}`)
  }
}

/** A number with so many digits, and no minus before a zero. */
export function fixed(value: number, digits = 2): string {
  return value.toFixed(digits).replace(/^-(?=[0.]*$)/, '')
}

/** The first eight numbers of a vector. */
export function beginning(vector: readonly number[], digits = 2): void {
  const numbers = vector.slice(0, 8).map((value) => fixed(value, digits))
  console.log(`  ${numbers.join(' ')} … [${vector.length}]`)
}

/** A probability as a bar of at most 20 blocks. */
export function bar(probability: number): string {
  return '█'.repeat(Math.round(20 * probability))
}

/** Says that numbers made by hand are those of the engine. @throws Error where they are not */
export function same(what: string, byHand: readonly number[], engine: readonly number[]): void {
  const difference = Math.max(...byHand.map((value, i) => Math.abs(value - engine[i])))
  if (byHand.length !== engine.length || !(difference < 1e-3)) {
    throw new Error(`${what}: by hand and in the engine differ by ${difference}`)
  }
  console.log(`  = the engine's ${what} (${engine.length === 1 ? 'one number' : `${engine.length} numbers`}, to 0.001)`)
}

function isNumber(cell: string): boolean {
  return /^-?\d[\d.]*$/.test(cell)
}
