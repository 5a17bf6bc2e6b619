/**
 * What PostgreSQL can keep. Its texts are UTF-8 without NUL, so two things that a JavaScript string can hold have no place there: NUL and one
 * half of a surrogate pair. Where a text is compared they are refused; in what is only read they become U+FFFD, which leaves every
 * other character at its place.
 */
import { InputError } from '../../../errors.js'
import type { Metadata } from '../../finding/corpus.js'

/** Bytes of a key: PostgreSQL's B-trees take no longer ones. */
const LONGEST_KEY = 2000
/** Bytes of a name; PostgreSQL cuts longer ones off. */
const LONGEST_NAME = 63

/** The name of a table or schema in quotes, in which every name is safe. @throws InputError for one that PostgreSQL cannot have */
export function quotedName(name: string): string {
  const length = byteLength(name)
  if (length === 0 || length > LONGEST_NAME || !isStorable(name) || /^pg_/i.test(name)) {
    throw new InputError(
      'bad-name',
      `schema ${JSON.stringify(name)}: expected 1 to ${LONGEST_NAME} bytes without NUL that do not begin with pg_`,
    )
  }
  return `"${name.replaceAll('"', '""')}"`
}

/** @param what names it in the error. @throws InputError for a key that cannot be kept as it is */
export function checkKey(what: string, key: string): void {
  checkText(what, key)
  if (byteLength(key) <= LONGEST_KEY) return
  throw new InputError('not-storable', `${what} has ${byteLength(key)} bytes, PostgreSQL takes up to ${LONGEST_KEY}`)
}

/** @throws InputError for a text that cannot be kept as it is */
export function checkText(what: string, text: string): void {
  if (isStorable(text)) return
  throw new InputError(
    'not-storable',
    `${what} is ${JSON.stringify(text.slice(0, 100))}: NUL and half a surrogate pair cannot be kept in PostgreSQL`,
  )
}

/** @throws InputError for metadata of which a key or a value cannot be kept as it is */
export function checkMetadata(what: string, metadata: Metadata): void {
  for (const [key, value] of Object.entries(metadata)) {
    checkText(`a key of the metadata of ${what}`, key)
    for (const one of [value].flat()) if (typeof one === 'string') checkText(`${JSON.stringify(key)} of ${what}`, one)
  }
}

/** A text for reading, with U+FFFD for what cannot be kept. */
export function storable(text: string): string {
  return isStorable(text) ? text : text.toWellFormed().replaceAll('\0', '\ufffd')
}

/** Whether PostgreSQL can keep a text as it is. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
