/**
 * An index file that is open: everything is read by range, when it is wanted, and compared with its checksum.
 */
import type { ByteSource } from '../../files/byte-source.js'
import { JsonObject } from '../../files/json.js'
import { linesOf } from '../../files/lines.js'
import type { IndexRows } from '../flat-index.js'
import { IndexFileError } from '../index-file.js'
import { crc32 } from '../crc32.js'
import type { Metadata, Passage } from '../corpus.js'
import { decodeHeader, elementBytes, LONGEST_HEADER, RECORD_BYTES, rowsOf, type IndexHeader } from './index-layout.js'
import { matches, type DocumentStamp, type Filter } from './store.js'

/** A document as an index lists it. */
export interface IndexedDocument extends DocumentStamp {
  readonly metadata: Metadata
  /** Its first row, and the one after the last. */
  readonly first: number
  readonly end: number
}

export class IndexReader {
  readonly header: IndexHeader
  readonly #source: ByteSource
  readonly #checksums: Uint32Array

  private constructor(source: ByteSource, header: IndexHeader, checksums: Uint32Array) {
    this.#source = source
    this.header = header
    this.#checksums = checksums
  }

  /** @throws IndexFileError when it is not an index, of another version, or damaged */
  static async open(source: ByteSource): Promise<IndexReader> {
    const { size, name } = source
    const header = decodeHeader(await source.read(0, Math.min(LONGEST_HEADER, size)), size, name)
    const { start } = header.sections.checksums
    const count = Math.ceil(header.passages / header.blockRows) + 1
    const bytes = await source.read(start, start + count * 4)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (crc32(bytes) !== header.checksum) throw damaged(name, 'list of checksums')
    return new IndexReader(
      source,
      header,
      Uint32Array.from({ length: count }, (_, i) => view.getUint32(4 * i, true)),
    )
  }

  /** Rows as they are stored, without a look at their checksum. */
  async rows(first: number, end: number): Promise<IndexRows> {
    const { vectors, scales } = await this.rowBytes(first, end)
    return rowsOf(this.header.dtype, vectors, scales)
  }

  /** The bytes of rows: their vectors, and their scales where they have any. */
  async rowBytes(first: number, end: number): Promise<{ readonly vectors: Uint8Array; readonly scales: Uint8Array }> {
    const { dtype, dimension, sections } = this.header
    const rowBytes = dimension * elementBytes(dtype)
    const { vectors, scales } = sections
    return {
      vectors: await this.#source.read(vectors.start + first * rowBytes, vectors.start + end * rowBytes),
      scales:
        dtype === 'int8'
          ? await this.#source.read(scales.start + first * 4, scales.start + end * 4)
          : new Uint8Array(0),
    }
  }

  /** All rows in blocks, each compared with its checksum. @throws IndexFileError when one is damaged */
  async *blocks(): AsyncGenerator<IndexRows & { readonly first: number }> {
    const { passages, blockRows, dtype } = this.header
    for (let first = 0; first < passages; first += blockRows) {
      const { vectors, scales } = await this.rowBytes(first, Math.min(first + blockRows, passages))
      const block = first / blockRows
      if (crc32(vectors, crc32(scales)) !== this.#checksums[block]) {
        throw damaged(this.#source.name, `block of vectors from row ${first} on`)
      }
      const rows = rowsOf(dtype, vectors, scales)
      if (!(rows.scales ?? rows.vectors).every(Number.isFinite)) {
        throw new IndexFileError('index-values', `${this.#source.name}: it contains NaN or Infinity`)
      }
      yield { first, ...rows }
    }
  }

  /** The passage of a row. @throws IndexFileError when it is damaged */
  async passage(row: number): Promise<Passage> {
    const text = new TextDecoder().decode(await this.passageBytes(row))
    return JSON.parse(text) as Passage // written by this program, or the checksum would not fit
  }

  /** The JSON of a row's passage. @throws IndexFileError when it is damaged */
  async passageBytes(row: number): Promise<Uint8Array> {
    const { records, texts } = this.header.sections
    const at = records.start + row * RECORD_BYTES
    const record = await this.#source.read(at, at + RECORD_BYTES)
    const view = new DataView(record.buffer, record.byteOffset, RECORD_BYTES)
    const start = texts.start + Number(view.getBigUint64(0, true))
    const end = start + view.getUint32(8, true)
    if (end > texts.end) throw damaged(this.#source.name, `place of passage ${row}`)
    const bytes = await this.#source.read(start, end)
    if (crc32(bytes) !== view.getUint32(12, true)) throw damaged(this.#source.name, `passage ${row}`)
    return bytes
  }

  /** The documents in the order of their rows. @throws IndexFileError when they are damaged */
  async *documents(): AsyncGenerator<IndexedDocument> {
    const { documents: count, sections, passages } = this.header
    const { start, end } = sections.documents
    let crc = 0
    let [first, seen] = [0, 0]
    for await (const { text } of linesOf(this.#source, start, end)) {
      if (seen === count) break // what follows fills the section up
      crc = crc32(new TextEncoder().encode(text), crc)
      const json = JsonObject.parse(text, `${this.#source.name}, document ${seen + 1}`)
      const next = first + json.integer('passages', { min: 0 })
      const metadata = (json.get('metadata') ?? {}) as Metadata
      yield { id: json.string('id'), hash: json.string('hash'), metadata, first, end: next }
      first = next
      seen++
    }
    if (seen !== count || first !== passages || crc !== this.#checksums.at(-1)) {
      throw damaged(this.#source.name, 'list of documents')
    }
  }

  /** 1 for the rows of the documents that a filter names, 0 for the others. */
  async mask(filter: Filter): Promise<Uint8Array> {
    const mask = new Uint8Array(this.header.passages)
    for await (const { metadata, first, end } of this.documents()) {
      if (matches(filter, metadata)) mask.fill(1, first, end)
    }
    return mask
  }

  close(): Promise<void> {
    return this.#source.close()
  }
}

function damaged(where: string, part: string): IndexFileError {
  return new IndexFileError(
    'index-checksum',
    `${where}: the ${part} does not fit its checksum, so it is damaged; build the index again`,
  )
}
