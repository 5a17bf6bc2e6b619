/**
 * CSV, by Papa Parse, which finds out whether commas, semicolons or tabs part the columns. The first row names them; each other row is a record.
 */
import { DocumentError } from './document.js'
import { loadParser } from './parser.js'
import type { FileRecord } from './records.js'

export async function csvRecords(text: string, where: string): Promise<FileRecord[]> {
  const { default: papa } = await loadParser('papaparse', 'CSV', () => import('papaparse'))
  const records: FileRecord[] = []
  let columns: readonly string[] | undefined
  let end = 0
  let number = 0
  papa.parse<string[]>(text, {
    step: ({ data: cells, meta, errors }) => {
      const size = meta.cursor - end
      end = meta.cursor
      const malformed = errors.find(({ type }) => type === 'Quotes')
      if (malformed) throw new DocumentError('bad-csv', `${where}, row ${number + 1}: ${malformed.message}`)
      if (cells.every((cell) => cell.trim() === '')) return
      if (!columns) {
        columns = cells.map((name) => name.trim())
        return
      }
      const named = cells.flatMap((cell, i) => (columns?.[i] ? [[columns[i], cell] as const] : []))
      records.push({ fields: new Map(named), size, number: ++number })
    },
  })
  return records
}
