/**
 * Files that hold many documents: the rows of a CSV table, the objects of a JSON list or of JSON lines. A record's `text` is its text, `title`
 * its title and `id` its id; without a `text`, all its fields are, each on a line as `field: value`. Its short fields are metadata.
 */
import type { Metadata } from '../rag/index.js'
import { DocumentError, type ParsedText } from './document.js'

/** A value as JSON has it; of a CSV table all are strings. */
export type RecordValue =
  string | number | boolean | null | readonly RecordValue[] | { readonly [key: string]: RecordValue }

export interface FileRecord {
  readonly fields: ReadonlyMap<string, RecordValue>
  /** Characters of the file that it takes up. */
  readonly size: number
  /** Its number in the file, from 1: its id, where it has none. */
  readonly number: number
}

/** A longer string is no metadata: nobody filters by it. */
const LONGEST_METADATA = 200
const LONGEST_LIST = 100
/** Characters of all metadata together. Each passage carries it, so fields beyond that are left out. */
const MOST_METADATA = 10_000
/** Characters of an id, which each passage carries too. */
const LONGEST_ID = 1000
/** Fields that have a place of their own. */
const OWN_FIELDS = new Set(['id', 'title', 'text'])

/** What the records of a file say. One that has a text and no title has none; without both, it is called as the file is. @throws DocumentError for an empty text, or an id that is none */
export function recordTexts(records: Iterable<FileRecord>, file: string): ParsedText[] {
  return Array.from(records, ({ fields, size, number }) => {
    const own = fields.get('id')
    const id = typeof own === 'string' || typeof own === 'number' ? String(own) : String(number)
    if (id.length > LONGEST_ID) {
      throw new DocumentError(
        'long-id',
        `${file}: the id of record ${number} has ${id.length} characters, at most ${LONGEST_ID} are taken; give it a shorter one`,
      )
    }
    const text = textOf(fields)
    if (text.trim() === '')
      throw new DocumentError('empty-passage', `${file}: the text of record ${JSON.stringify(id)} is empty`)
    const named = fields.get('title')
    const title = typeof named === 'string' ? named : fields.has('text') ? '' : undefined
    const spans = [{ at: 0, length: text.length, start: 0, end: text.length }]
    return {
      title,
      blocks: [{ text, spans, source: text, headingPath: [] }],
      metadata: metadataOf(fields),
      record: { id, size },
    }
  })
}

function textOf(fields: FileRecord['fields']): string {
  const text = fields.get('text')
  if (typeof text === 'string') return text
  return [...fields].flatMap(([key, value]) => lines(key, value)).join('\n\n')
}

/** `capital: Paris`; for a field of a nested object `country.capital: Paris`. */
function lines(key: string, value: RecordValue): string[] {
  if (value === null || value === '') return []
  if (Array.isArray(value)) {
    const simple = value.every((item) => typeof item !== 'object')
    return simple ? [`${key}: ${value.join(', ')}`] : value.flatMap((item: RecordValue) => lines(key, item))
  }
  if (typeof value === 'object') return Object.entries(value).flatMap(([inner, item]) => lines(`${key}.${inner}`, item))
  return [`${key}: ${value}`]
}

/** The fields that can be filtered by. */
export function metadataOf(fields: FileRecord['fields']): Metadata {
  const short = [...fields].filter((field): field is [string, Metadata[string]] => {
    const values = [field[1]].flat()
    return !OWN_FIELDS.has(field[0]) && values.length <= LONGEST_LIST && values.every(isMetadataValue)
  })
  let length = 0
  return Object.fromEntries(short.filter((field) => (length += JSON.stringify(field).length) <= MOST_METADATA))
}

function isMetadataValue(value: RecordValue): boolean {
  if (typeof value === 'string') return value.length <= LONGEST_METADATA
  return typeof value === 'boolean' || Number.isFinite(value)
}
