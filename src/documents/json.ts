/**
 * JSON: one object, or a list of them. JSON lines: an object on each line, some lines at a time, so that a file may be of any size.
 */
import type { ConfigError } from '../errors.js'
import { parseJson } from '../files/json.js'
import type { Line } from '../files/lines.js'
import { DocumentError } from './document.js'
import type { FileRecord, RecordValue } from './records.js'

export function* jsonRecords(text: string, where: string): Generator<FileRecord> {
  const value = parse(text, where)
  const list = Array.isArray(value) ? (value as readonly RecordValue[]) : [value]
  for (const [i, item] of list.entries()) {
    yield { fields: fieldsOf(item, `${where}, record ${i + 1}`), size: JSON.stringify(item).length, number: i + 1 }
  }
}

export function* jsonLineRecords(lines: readonly Line[], where: string): Generator<FileRecord> {
  for (const { text, number } of lines) {
    const at = `${where}, line ${number}`
    const line = text.trimEnd()
    if (line.trim() !== '') yield { fields: fieldsOf(parse(line, at), at), size: text.length, number }
  }
}

function parse(text: string, where: string): RecordValue {
  try {
    return parseJson(text, where)
  } catch (error) {
    const { code, message } = error as ConfigError
    throw new DocumentError(code, message, { cause: error })
  }
}

function fieldsOf(value: RecordValue, where: string): ReadonlyMap<string, RecordValue> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return new Map(Object.entries(value))
  throw new DocumentError('not-a-record', `${where}: expected a JSON object, got ${JSON.stringify(value).slice(0, 60)}`)
}
