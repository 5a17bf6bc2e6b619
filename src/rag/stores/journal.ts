/**
 * The changes of an index that are not in it yet, as a file beside it. A document is written there as soon as it is embedded, so that work
 * that was stopped goes on from there; a record that was cut off is dropped. Each record:
 *
 *   length of what follows, uint32; CRC-32 of it, uint32; length of the JSON, uint32; JSON; int8: scales; vectors
 *
 * The first record says what the vectors are. The JSON of the others is a document without its vectors, or the ids of deleted ones.
 */
import { JsonObject, parseJson, type Json } from '../../files/json.js'
import type { WritableFile } from '../../files/node-file.js'
import type { Metadata, Passage } from '../finding/corpus.js'
import { crc32 } from '../finding/crc32.js'
import type { IndexDType, IndexRows } from '../finding/flat-index.js'
import { IndexFileError } from '../finding/index-file.js'
import { elementBytes, rowsOf } from './index-layout.js'
import type { DocumentStamp } from './store.js'
import { storedPassage } from './stored-passage.js'

const PREFIX = 12
/** Bytes that are read together. */
const AHEAD = 1 << 20
const NOTHING = { at: 0, bytes: new Uint8Array(0) }

/** A document that waits in the journal. */
export interface PendingDocument extends DocumentStamp {
  readonly passages: number
  /** Where its record lies. */
  readonly start: number
  readonly end: number
}

/** The content of a document's record. */
export interface PendingContent {
  readonly id: string
  readonly hash: string
  readonly metadata: Metadata
  readonly passages: readonly Passage[]
  /** Scales and vectors as the index has them. */
  readonly scales: Uint8Array
  readonly vectors: Uint8Array
}

interface VectorKind {
  readonly dimension: number
  readonly dtype: IndexDType
}

interface JournalRecord {
  readonly json: Uint8Array
  /** Scales and vectors. */
  readonly rest: Uint8Array
  /** Where the next one begins. */
  readonly end: number
}

export class Journal {
  readonly #file: WritableFile
  readonly #delete: () => Promise<void>
  /** Where the first record ends, which says what the vectors are. */
  #start = 0
  #end = 0
  /** Bytes that were read last, and where they are. */
  #ahead: { readonly at: number; readonly bytes: Uint8Array } = NOTHING
  /** Documents to put in, by id; null for those to take out. */
  readonly pending = new Map<string, PendingDocument | null>()

  private constructor(file: WritableFile, remove: () => Promise<void>) {
    this.#file = file
    this.#delete = remove
  }

  /**
   * Goes on with the journal in a file, where it is about the same kind of vectors; else begins a new one.
   * @param vectors what the records hold
   * @param remove deletes the file
   * @throws IndexFileError, ConfigError for a record that fits its checksum and is no document
   */
  static async open(
    file: WritableFile,
    about: string,
    vectors: VectorKind,
    remove: () => Promise<void>,
  ): Promise<Journal> {
    const journal = new Journal(file, remove)
    const first = await journal.#read(0)
    if (first && new TextDecoder().decode(first.json) === about) {
      journal.#start = first.end
      for (let at = first.end, record = await journal.#read(at); ; record = await journal.#read(at)) {
        if (!record) {
          journal.#end = at
          await file.truncate(at)
          return journal
        }
        journal.#note(record, at, vectors)
        at = record.end
      }
    }
    await file.truncate(0)
    await journal.#append(new TextEncoder().encode(about), [])
    journal.#start = journal.#end
    return journal
  }

  /** Forgets all changes. Writes nothing, so that it can be done on a full disk. */
  async clear(): Promise<void> {
    await this.#file.truncate(this.#start)
    this.pending.clear()
    this.#end = this.#start
    this.#ahead = NOTHING
  }

  async put(
    { id, hash, metadata = {}, passages }: Omit<PendingContent, 'scales' | 'vectors'>,
    rows: IndexRows,
  ): Promise<void> {
    const json = new TextEncoder().encode(JSON.stringify({ id, hash, metadata, passages }))
    const start = this.#end
    await this.#append(json, [...(rows.scales ? [rows.scales] : []), rows.vectors])
    this.pending.set(id, { id, hash, passages: passages.length, start, end: this.#end })
  }

  async take(ids: readonly string[]): Promise<void> {
    await this.#append(new TextEncoder().encode(JSON.stringify({ deleted: ids })), [])
    for (const id of ids) this.pending.set(id, null)
  }

  /**
   * What was put in. Documents that are asked for in the order in which they were are read many at a time.
   * @param scaleBytes bytes of a row's scale
   */
  async content({ start, passages: count }: PendingDocument, scaleBytes: number): Promise<PendingContent> {
    const { json, rest } = (await this.#read(start))!
    const content = parseJson(new TextDecoder().decode(json), this.#file.name) as unknown as Omit<
      PendingContent,
      'scales' | 'vectors'
    >
    return { ...content, scales: rest.subarray(0, count * scaleBytes), vectors: rest.subarray(count * scaleBytes) }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** Closes and deletes the file. */
  async remove(): Promise<void> {
    await this.close()
    await this.#delete()
  }

  /** Everything that a merge will rely on is looked at here: it takes the place of the old index. */
  #note({ json, rest, end }: JournalRecord, start: number, { dimension, dtype }: VectorKind): void {
    const record = JsonObject.parse(new TextDecoder().decode(json), this.#file.name)
    const deleted = record.get('deleted')
    if (Array.isArray(deleted)) return deleted.forEach((id) => this.pending.set(String(id), null))
    const [id, hash, passages] = [record.string('id'), record.string('hash'), record.get('passages')]
    const fail = (detail: string) =>
      new IndexFileError('index-meta', `${this.#file.name}: document ${JSON.stringify(id)} ${detail}`)
    if (!Array.isArray(passages)) throw fail('has no list of passages')
    const scaleBytes = dtype === 'int8' ? 4 * passages.length : 0
    const wanted = scaleBytes + passages.length * dimension * elementBytes(dtype)
    if (rest.length !== wanted)
      throw fail(`has ${rest.length} bytes of vectors, its ${passages.length} passages need ${wanted}`)
    const { vectors, scales } = rowsOf(dtype, rest.subarray(scaleBytes), rest.subarray(0, scaleBytes))
    if (!(scales ?? vectors).every(Number.isFinite)) throw fail('has vectors with NaN or Infinity')
    passages.forEach((passage: Json, i) =>
      storedPassage(new JsonObject(passage, `${this.#file.name}: passage ${i + 1} of ${JSON.stringify(id)}`)),
    )
    this.pending.set(id, { id, hash, passages: passages.length, start, end })
  }

  async #append(json: Uint8Array, arrays: readonly ArrayBufferView[]): Promise<void> {
    const length = 4 + json.length + arrays.reduce((sum, { byteLength }) => sum + byteLength, 0)
    const record = new Uint8Array(8 + length)
    const view = new DataView(record.buffer)
    view.setUint32(0, length, true)
    view.setUint32(8, json.length, true)
    record.set(json, PREFIX)
    let at = PREFIX + json.length
    for (const { buffer, byteOffset, byteLength } of arrays) {
      record.set(new Uint8Array(buffer, byteOffset, byteLength), at)
      at += byteLength
    }
    view.setUint32(4, crc32(record.subarray(8)), true)
    this.#ahead = NOTHING // it may be of what was cut off here
    await this.#file.write(record, this.#end)
    this.#end += record.length
  }

  /** The record that begins at a place, or undefined where no whole one does. */
  async #read(at: number): Promise<JournalRecord | undefined> {
    const { size } = this.#file
    if (at + PREFIX > size) return undefined
    const prefix = await this.#bytes(at, at + PREFIX)
    const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX)
    const end = at + 8 + view.getUint32(0, true)
    const jsonLength = view.getUint32(8, true)
    if (end > size || at + PREFIX + jsonLength > end) return undefined
    const body = await this.#bytes(at + 8, end)
    if (crc32(body) !== view.getUint32(4, true)) return undefined
    return { json: body.subarray(4, 4 + jsonLength), rest: body.subarray(4 + jsonLength), end }
  }

  /** A part of the file, with what follows it read ahead. */
  async #bytes(start: number, end: number): Promise<Uint8Array> {
    const { at, bytes } = this.#ahead
    if (start < at || end > at + bytes.length) {
      const to = Math.min(Math.max(end, start + AHEAD), this.#file.size)
      this.#ahead = { at: start, bytes: await this.#file.read(start, to) }
      return this.#ahead.bytes.subarray(0, end - start)
    }
    return bytes.subarray(start - at, end - at)
  }
}
