/**
 * Mutations of index files and journals. Their checksums are made right again, or nothing behind them would ever be reached.
 */
import type { Random } from '../../../bench/random.js'
import { crc32 } from '../../../src/rag/finding/crc32.js'
import { align, BLOCK_ROWS, elementBytes, FIXED_BYTES, RECORD_BYTES } from '../../../src/rag/stores/index-layout.js'
import { mutateBytes } from './bytes.js'
import { jsonMutator } from './json.js'
import { join, LIMITS, toBytes, type Mutate } from './mutate.js'

const mutateJson = jsonMutator([
  'id',
  'title',
  'text',
  'source',
  'metadata',
  'places',
  'passages',
  'deleted',
  'mean',
  'cls',
])

/** An index, taken apart. */
interface Parts {
  readonly dimension: number
  readonly int8: boolean
  encoder: Uint8Array
  scales: Uint8Array
  vectors: Uint8Array
  passages: Uint8Array[]
  documents: Uint8Array[]
}

export const mutateIndex: Mutate = (file, random, others) => {
  if (random.below(5) === 0) return mutateBytes(file, random, others)
  const parts = takeApart(file)
  if (!parts) return mutateBytes(file, random, others)
  switch (random.below(6)) {
    case 0:
      parts.encoder = mutateJson(parts.encoder, random, others)
      break
    case 1:
      parts.vectors = sameLength(mutateBytes(parts.vectors, random, others), parts.vectors.length)
      parts.scales = sameLength(mutateBytes(parts.scales, random, others), parts.scales.length)
      break
    case 2:
    case 3:
      replaceOne(parts.passages, random)
      break
    case 4:
      replaceOne(parts.documents, random)
      break
    default:
  }
  const made = putTogether(parts)
  if (random.below(3) === 0) changeHeader(made, random)
  return made
}

function replaceOne(list: Uint8Array[], random: Random): void {
  if (list.length === 0) return
  const at = random.below(list.length)
  list[at] = mutateJson(list[at], random, list)
}

function sameLength(bytes: Uint8Array, length: number): Uint8Array {
  const made = new Uint8Array(length)
  made.set(bytes.subarray(0, length))
  return made
}

/** A number of the header at a limit, or a little off. */
function changeHeader(file: Uint8Array, random: Random): void {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const field = random.below(14)
  if (field < 6) {
    const at = 16 + 4 * field
    const near = view.getUint32(at, true) + random.below(5) - 2
    view.setUint32(at, random.below(2) === 0 ? near : random.pick(LIMITS) % 2 ** 32, true)
  } else {
    const at = 40 + 8 * (field - 6)
    const near = view.getBigUint64(at, true) + BigInt(64 * (random.below(5) - 2))
    view.setBigUint64(at, BigInt.asUintN(64, random.below(2) === 0 ? near : BigInt(random.pick(LIMITS))), true)
  }
  sealHeader(file)
}

function sealHeader(file: Uint8Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  view.setUint32(12, crc32(file.subarray(16, FIXED_BYTES + view.getUint32(32, true))), true)
}

/** @returns undefined where an earlier mutation left nothing that makes sense */
function takeApart(file: Uint8Array): Parts | undefined {
  try {
    const view = new DataView(file.buffer, file.byteOffset, file.length)
    const [dtype, dimension, passages, documents, json] = [16, 20, 24, 28, 32].map((at) => view.getUint32(at, true))
    const [scales, vectors, records, texts, listed, checksums] = Array.from({ length: 6 }, (_, i) =>
      Number(view.getBigUint64(40 + 8 * i, true)),
    )
    if (passages > 1000 || documents > 1000 || checksums > file.length) return undefined
    const int8 = dtype === 1
    const rows = passages * dimension * elementBytes(int8 ? 'int8' : 'float32')
    const lines = Buffer.from(file.subarray(listed, checksums)).toString('latin1').split('\n').slice(0, documents)
    return {
      dimension,
      int8,
      encoder: file.slice(FIXED_BYTES, FIXED_BYTES + json),
      scales: file.slice(scales, scales + (int8 ? 4 * passages : 0)),
      vectors: file.slice(vectors, vectors + rows),
      passages: Array.from({ length: passages }, (_, i) => {
        const start = texts + Number(view.getBigUint64(records + i * RECORD_BYTES, true))
        return file.slice(start, start + view.getUint32(records + i * RECORD_BYTES + 8, true))
      }),
      documents: lines.map((line) => new Uint8Array(Buffer.from(line, 'latin1'))),
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function putTogether({ dimension, int8, encoder, scales, vectors, passages, documents }: Parts): Uint8Array {
  const records = new Uint8Array(passages.length * RECORD_BYTES)
  const list = new DataView(records.buffer)
  let place = 0
  for (const [i, json] of passages.entries()) {
    list.setBigUint64(i * RECORD_BYTES, BigInt(place), true)
    list.setUint32(i * RECORD_BYTES + 8, json.length, true)
    list.setUint32(i * RECORD_BYTES + 12, crc32(json), true)
    place += json.length
  }
  const lines = join(...documents.flatMap((line) => [line, toBytes('\n')]))
  const checksums = new Uint8Array(4 * (Math.ceil(passages.length / BLOCK_ROWS) + 1))
  const sums = new DataView(checksums.buffer)
  if (passages.length > 0) sums.setUint32(0, crc32(scales, crc32(vectors)), true)
  sums.setUint32(
    checksums.length - 4,
    documents.reduce((crc, line) => crc32(line, crc), 0),
    true,
  )
  const sections = [scales, vectors, records, join(...passages), lines, checksums]
  const head = new Uint8Array(FIXED_BYTES + encoder.length)
  const view = new DataView(head.buffer)
  view.setBigUint64(0, 0x5844495353414c47n, true)
  const fields = [2, 0, int8 ? 1 : 0, dimension, passages.length, documents.length, encoder.length, BLOCK_ROWS]
  fields.forEach((value, i) => view.setUint32(8 + 4 * i, value, true))
  head.set(encoder, FIXED_BYTES)
  const pieces: Uint8Array[] = [head]
  let at = head.length
  for (const [i, section] of sections.entries()) {
    pieces.push(new Uint8Array(align(at) - at), section)
    view.setBigUint64(40 + 8 * i, BigInt(align(at)), true)
    at = align(at) + section.length
  }
  view.setBigUint64(88, BigInt(at), true)
  view.setUint32(96, crc32(checksums), true)
  sealHeader(head)
  return join(...pieces)
}

/** The first record is left alone mostly: of a journal about other vectors nothing is read. */
export const mutateJournal: Mutate = (file, random, others) => {
  if (random.below(5) === 0) return mutateBytes(file, random, others)
  const records = recordsOf(file)
  if (records.length === 0) return mutateBytes(file, random, others)
  const at = Math.min(records.length - 1, random.below(20) === 0 ? 0 : 1 + random.below(records.length))
  const { json, rest } = records[at]
  switch (random.below(5)) {
    case 0:
      records[at] = { json, rest: mutateBytes(rest, random, others) }
      break
    case 1:
      records.push(records[at])
      break
    default:
      records[at] = { json: mutateJson(json, random, others), rest }
  }
  return join(...records.map(encodeRecord))
}

interface JournalRecord {
  readonly json: Uint8Array
  readonly rest: Uint8Array
}

function recordsOf(file: Uint8Array): JournalRecord[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const records: JournalRecord[] = []
  for (let at = 0; at + 12 <= file.length;) {
    const end = at + 8 + view.getUint32(at, true)
    const json = at + 12 + view.getUint32(at + 8, true)
    if (end > file.length || json > end) break
    records.push({ json: file.slice(at + 12, json), rest: file.slice(json, end) })
    at = end
  }
  return records
}

function encodeRecord({ json, rest }: JournalRecord): Uint8Array {
  const record = new Uint8Array(12 + json.length + rest.length)
  const view = new DataView(record.buffer)
  view.setUint32(0, record.length - 8, true)
  view.setUint32(8, json.length, true)
  record.set(json, 12)
  record.set(rest, 12 + json.length)
  view.setUint32(4, crc32(record.subarray(8)), true)
  return record
}

/** Indexes of version 1, whose one checksum is that of everything behind it. */
export const mutateVectorIndex: Mutate = (file, random, others) => {
  const made = mutateBytes(file, random, others).slice()
  if (made.length < 16 || random.below(5) === 0) return made
  made.set(file.subarray(0, 12)) // magic and version
  new DataView(made.buffer).setUint32(12, crc32(made.subarray(16)), true)
  return made
}
