/**
 * Where a passage stands, as a person is told.
 */
import type { Passage } from '../rag/index.js'
import { oneLine } from './terminal.js'

/** `notes/tea.pdf, page 3, characters 120 to 240`; the id, for a passage of no file. */
export function citation({ id, source }: Passage): string {
  if (!source) return oneLine(id, undefined)
  const { file, record, page, start, end } = source
  const place = record === undefined ? [] : [`record ${record}`]
  if (page !== undefined) place.push(`page ${page}`)
  return oneLine([file, ...place, `characters ${start} to ${end}`].join(', '), undefined)
}
