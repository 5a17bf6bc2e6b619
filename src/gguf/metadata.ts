/**
 * The metadata of a GGUF file: keys with values of thirteen types.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 */
import { GgufDuplicateError, GgufTooLargeError, GgufValueError, quoted } from './errors.js'
import type { HeaderReader } from './header-reader.js'

/** The arrays that hold lists of numbers; booleans are bytes of 0 and 1. */
export type NumberList =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | BigUint64Array
  | BigInt64Array
  | Float64Array

/** A list of values of one type. */
export type GgufList = NumberList | readonly string[] | readonly GgufList[]

/** 64-bit integers are numbers where these are exact, and bigints beyond. */
export type GgufValue = number | bigint | boolean | string | GgufList

export type GgufMetadata = ReadonlyMap<string, GgufValue>

/** Longest key, in bytes; the format's own limit. */
export const MAX_KEY_BYTES = 65_535
const MAX_KEYS = 65_536
/** Lists in lists, all together, and how deep. No published model has any. */
const MAX_NESTED_LISTS = 65_536
const MAX_DEPTH = 4

const STRING = 8
const LIST = 9
const BOOL = 7

interface NumberType {
  readonly size: number
  readonly list: (bytes: Uint8Array) => NumberList
}

/** By number of the type in the file. Lists are made of copied bytes, which begin at their buffer's beginning. */
const NUMBER_TYPES: ReadonlyMap<number, NumberType> = new Map<number, NumberType>([
  [0, { size: 1, list: (bytes) => bytes }],
  [1, { size: 1, list: ({ buffer }) => new Int8Array(buffer) }],
  [2, { size: 2, list: ({ buffer }) => new Uint16Array(buffer) }],
  [3, { size: 2, list: ({ buffer }) => new Int16Array(buffer) }],
  [4, { size: 4, list: ({ buffer }) => new Uint32Array(buffer) }],
  [5, { size: 4, list: ({ buffer }) => new Int32Array(buffer) }],
  [6, { size: 4, list: ({ buffer }) => new Float32Array(buffer) }],
  [BOOL, { size: 1, list: (bytes) => bytes }],
  [10, { size: 8, list: ({ buffer }) => new BigUint64Array(buffer) }],
  [11, { size: 8, list: ({ buffer }) => new BigInt64Array(buffer) }],
  [12, { size: 8, list: ({ buffer }) => new Float64Array(buffer) }],
])

/** Least bytes of a key with its value: a length, a type, a value of one byte. */
const LEAST_ENTRY = 8 + 4 + 1

/** Reads `count` keys with their values. @throws GgufError */
export async function readMetadata(reader: HeaderReader, count: bigint): Promise<GgufMetadata> {
  if (count > MAX_KEYS) {
    throw new GgufTooLargeError(reader.name, `the metadata is said to have ${count} keys, at most ${MAX_KEYS} are read`)
  }
  reader.requireLeft(Number(count) * LEAST_ENTRY, `the metadata of ${count} keys`)
  const metadata = new Map<string, GgufValue>()
  const nested = { lists: 0 }
  for (let i = 0; i < count; i++) {
    const key = await readKey(reader, `key ${i} of the metadata`)
    if (metadata.has(key)) throw new GgufDuplicateError(reader.name, `the key ${quoted(key)} is there twice`)
    await reader.fill(4, quoted(key))
    metadata.set(key, await readValue(reader, reader.uint32(), quoted(key), nested))
  }
  return metadata
}

/** The name of a key or a tensor. @throws GgufTooLargeError for one that is longer than the format allows */
export async function readKey(reader: HeaderReader, what: string): Promise<string> {
  await reader.fill(8, what)
  const length = reader.uint64()
  if (length > MAX_KEY_BYTES) {
    throw new GgufTooLargeError(
      reader.name,
      `${what} is said to have ${length} bytes, at most ${MAX_KEY_BYTES} are allowed`,
    )
  }
  await reader.fill(Number(length), what)
  return reader.text(Number(length), what)
}

/** Lists in lists that were met so far. */
interface Nested {
  lists: number
}

async function readValue(reader: HeaderReader, type: number, what: string, nested: Nested): Promise<GgufValue> {
  if (type === STRING) return readText(reader, what)
  if (type === LIST) return readList(reader, what, nested, 1)
  const { size, list } = numberType(reader, type, what)
  await reader.fill(size, what)
  const bytes = reader.bytes(size)
  if (type === BOOL) return requireBooleans(reader, bytes, what)[0] === 1
  const [value] = list(bytes)
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
}

async function readList(reader: HeaderReader, what: string, nested: Nested, depth: number): Promise<GgufList> {
  await reader.fill(12, what)
  const type = reader.uint32()
  const length = reader.uint64()
  const described = `${what}, a list of ${length},`
  if (type === STRING) {
    reader.requireLeft(length * 8n, described)
    const texts: string[] = []
    while (texts.length < length) {
      if (!reader.has(8)) await reader.fill(8, described)
      const bytes = textLength(reader, what)
      if (!reader.has(bytes)) await reader.fill(bytes, described)
      texts.push(reader.text(bytes, what))
    }
    return texts
  }
  if (type === LIST) {
    if (depth === MAX_DEPTH) throw new GgufValueError(reader.name, `${what}: lists are nested deeper than ${MAX_DEPTH}`)
    reader.requireLeft(length * 12n, described)
    const lists: GgufList[] = []
    while (lists.length < length) {
      if (++nested.lists > MAX_NESTED_LISTS) {
        throw new GgufTooLargeError(reader.name, `${what}: more than ${MAX_NESTED_LISTS} lists in lists`)
      }
      lists.push(await readList(reader, what, nested, depth + 1))
    }
    return lists
  }
  const { size, list } = numberType(reader, type, what)
  reader.requireLeft(length * BigInt(size), described)
  await reader.fill(Number(length) * size, described)
  const bytes = reader.bytes(Number(length) * size)
  return list(type === BOOL ? requireBooleans(reader, bytes, what) : bytes)
}

async function readText(reader: HeaderReader, what: string): Promise<string> {
  await reader.fill(8, what)
  const bytes = textLength(reader, what)
  await reader.fill(bytes, what)
  return reader.text(bytes, what)
}

/** @throws GgufTruncatedError */
function textLength(reader: HeaderReader, what: string): number {
  const length = reader.uint64()
  reader.requireLeft(length, `${what}, a text,`)
  return Number(length)
}

function numberType(reader: HeaderReader, type: number, what: string): NumberType {
  const found = NUMBER_TYPES.get(type)
  if (found) return found
  throw new GgufValueError(reader.name, `${what}: its type is ${type}, types are numbered from 0 to 12`)
}

function requireBooleans(reader: HeaderReader, bytes: Uint8Array, what: string): Uint8Array {
  const wrong = bytes.find((byte) => byte > 1)
  if (wrong === undefined) return bytes
  throw new GgufValueError(reader.name, `${what}: a boolean is the byte ${wrong}, expected 0 or 1`)
}
