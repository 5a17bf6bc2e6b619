/**
 * CSV, by Papa Parse, which finds out whether commas, semicolons, tabs or bars part the columns. The first row names them; each other row is a
 * record.
 */
import { DocumentError } from './document.js'
import { loadParser } from './parser.js'
import type { FileRecord } from './records.js'

/** @param delimiter what parts the columns; found out unless told */
export async function csvRecords(text: string, where: string, delimiter?: string): Promise<FileRecord[]> {
  const { default: papa } = await loadParser('papaparse', 'CSV', () => import('papaparse'))
  const records: FileRecord[] = []
  let names: readonly string[] | undefined
  let end = 0
  let number = 0
  papa.parse<string[]>(text, {
    delimiter,
    skipEmptyLines: 'greedy', // else an empty line at the end misleads the search for what parts the columns
    step: ({ data: cells, meta, errors }) => {
      const size = meta.cursor - end
      end = meta.cursor
      const malformed = errors.find(({ type }) => type === 'Quotes')
      if (malformed) throw new DocumentError('bad-csv', `${where}, row ${number + 1}: ${malformed.message}`)
      if (!names) {
        names = cells.map((cell) => cell.trim())
        const seen = new Set<string>()
        for (const name of names.filter((name) => name !== '')) {
          if (seen.has(name))
            throw new DocumentError('bad-csv', `${where}: two columns have the name ${JSON.stringify(name)}`)
          seen.add(name)
        }
        return
      }
      const fields = new Map(cells.map((cell, i) => [names?.[i] || `column ${i + 1}`, cell]))
      records.push({ fields, size, number: ++number })
    },
  })
  return records
}
