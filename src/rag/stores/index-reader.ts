/**
 * An index file that is open: everything is read by range, when it is wanted, and compared with its checksum.
 */
import { checkpoint } from '../../event-loop.js'
import type { ByteSource } from '../../files/byte-source.js'
import { JsonObject } from '../../files/json.js'
import { linesOf } from '../../files/lines.js'
import type { Metadata, Passage } from '../finding/corpus.js'
import { crc32 } from '../finding/crc32.js'
import { FlatIndex, type IndexRows } from '../finding/flat-index.js'
import { IndexFileError } from '../finding/index-file.js'
import { decodeHeader, elementBytes, LONGEST_HEADER, RECORD_BYTES, rowsOf, type IndexHeader } from './index-layout.js'
import { matches, type DocumentStamp, type Filter } from './store.js'
import { storedPassage } from './stored-passage.js'

/** Passages that are read together, where all are read. */
const PASSAGES_TOGETHER = 1024
/** Bytes of vectors that are read together. */
const TOGETHER_BYTES = 8 << 20

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
  /** CRC-32 of the id of each row, once a passage has been asked for by its id. */
  #ids: Uint32Array | undefined

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

  /** Number of passages. */
  get count(): number {
    return this.header.passages
  }

  get dimension(): number {
    return this.header.dimension
  }

  /** Some rows as they are stored, without a look at the checksum of their block. */
  async rows(first: number, end: number): Promise<IndexRows> {
    const { vectors, scales } = await this.#rowBytes(first, end)
    return rowsOf(this.header.dtype, vectors, scales)
  }

  /**
   * All rows, some thousand at a time, in the same memory again and again. Each block of the file is compared with its checksum when its
   * last rows have been read, before these are given out.
   * @throws IndexFileError when one is damaged
   */
  async *blocks(): AsyncGenerator<IndexRows> {
    const { passages, blockRows, dtype, dimension, sections } = this.header
    const rowBytes = dimension * elementBytes(dtype)
    const together = Math.min(Math.max(1, Math.floor(TOGETHER_BYTES / rowBytes)), blockRows, passages)
    const buffer = new Uint8Array(together * rowBytes)
    for (let block = 0; block * blockRows < passages; block++) {
      const [start, stop] = [block * blockRows, Math.min((block + 1) * blockRows, passages)]
      const scales = await this.#source.read(...this.#scaleRange(start, stop))
      let crc = 0
      for (let first = start; first < stop; first += together) {
        const end = Math.min(first + together, stop)
        const at = sections.vectors.start
        const vectors = await this.#source.read(at + first * rowBytes, at + end * rowBytes, buffer)
        crc = crc32(vectors, crc)
        if (end === stop && crc32(scales, crc) !== this.#checksums[block]) {
          throw damaged(this.#source.name, `block of vectors from row ${start} on`)
        }
        const rows = rowsOf(dtype, vectors, scales.subarray((first - start) * 4, (end - start) * 4))
        if (!(rows.scales ?? rows.vectors).every(Number.isFinite)) {
          throw new IndexFileError('index-values', `${this.#source.name}: it contains NaN or Infinity`)
        }
        yield rows
      }
    }
  }

  /** Compares all vectors with their checksums. @throws IndexFileError when some are damaged */
  async verify(): Promise<void> {
    const blocks = this.blocks()
    while (!(await blocks.next()).done);
  }

  /** All rows in memory, for a small index. */
  async inMemory(): Promise<FlatIndex> {
    const { passages, dimension, dtype } = this.header
    const vectors = dtype === 'int8' ? new Int8Array(passages * dimension) : new Float32Array(passages * dimension)
    const scales = dtype === 'int8' ? new Float32Array(passages) : undefined
    let first = 0
    for await (const block of this.blocks()) {
      vectors.set(block.vectors, first * dimension)
      if (scales && block.scales) scales.set(block.scales, first)
      first += block.vectors.length / dimension
    }
    return new FlatIndex(dimension, vectors, scales)
  }

  /** The passage of a row. @throws IndexFileError when it is damaged */
  async passage(row: number): Promise<Passage> {
    return (await this.passages(row, row + 1))[0]
  }

  /** The passages of some rows. @throws IndexFileError when one is damaged */
  async passages(first: number, end: number): Promise<Passage[]> {
    const list = await this.#passageBytes(first, end)
    return list.map((bytes, i) => {
      const where = `${this.#source.name}, passage of row ${first + i}`
      return storedPassage(JsonObject.parse(new TextDecoder().decode(bytes), where))
    })
  }

  /**
   * The passage of an id. The first call reads all passages, and keeps 4 bytes of each.
   * @throws IndexFileError when one is damaged, AbortedError
   */
  async find(id: string, signal?: AbortSignal): Promise<Passage | undefined> {
    const hash = (text: string) => crc32(new TextEncoder().encode(text))
    await checkpoint(signal, 'the look for a passage')
    if (!this.#ids) {
      const ids = new Uint32Array(this.count)
      for (let first = 0; first < this.count; first += PASSAGES_TOGETHER) {
        await checkpoint(signal, 'the look for a passage')
        const passages = await this.passages(first, Math.min(first + PASSAGES_TOGETHER, this.count))
        passages.forEach((passage, i) => (ids[first + i] = hash(passage.id)))
      }
      this.#ids = ids
    }
    const wanted = hash(id)
    for (let row = this.#ids.indexOf(wanted); row >= 0; row = this.#ids.indexOf(wanted, row + 1)) {
      const passage = await this.passage(row)
      if (passage.id === id) return passage
    }
    return undefined
  }

  /** Rows as bytes, with the JSON of their passages. @throws IndexFileError when a passage is damaged */
  async content(
    first: number,
    end: number,
  ): Promise<{ readonly vectors: Uint8Array; readonly scales: Uint8Array; readonly passages: readonly Uint8Array[] }> {
    return { ...(await this.#rowBytes(first, end)), passages: await this.#passageBytes(first, end) }
  }

  /** The documents in the order of their rows. @throws IndexFileError when they are damaged */
  async *documents(): AsyncGenerator<IndexedDocument> {
    const { documents: count, sections, passages } = this.header
    const { start, end } = sections.documents
    const encoder = new TextEncoder()
    let crc = 0
    let [first, seen] = [0, 0]
    for await (const { text } of linesOf(this.#source, start, end)) {
      if (seen === count) break // what follows fills the section up
      crc = crc32(encoder.encode(text), crc)
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

  async #rowBytes(first: number, end: number): Promise<{ readonly vectors: Uint8Array; readonly scales: Uint8Array }> {
    const { dtype, dimension, sections } = this.header
    const rowBytes = dimension * elementBytes(dtype)
    const { start } = sections.vectors
    return {
      vectors: await this.#source.read(start + first * rowBytes, start + end * rowBytes),
      scales: await this.#source.read(...this.#scaleRange(first, end)),
    }
  }

  /** Where the scales of some rows are; nowhere for float32. */
  #scaleRange(first: number, end: number): [start: number, end: number] {
    const { dtype, sections } = this.header
    const bytes = dtype === 'int8' ? 4 : 0
    return [sections.scales.start + first * bytes, sections.scales.start + end * bytes]
  }

  /** The JSON of each passage of some rows, whose texts follow each other. */
  async #passageBytes(first: number, end: number): Promise<Uint8Array[]> {
    const { name } = this.#source
    const { records, texts } = this.header.sections
    const list = await this.#source.read(records.start + first * RECORD_BYTES, records.start + end * RECORD_BYTES)
    const view = new DataView(list.buffer, list.byteOffset, list.length)
    const places = Array.from({ length: end - first }, (_, i) => {
      const start = texts.start + Number(view.getBigUint64(i * RECORD_BYTES, true))
      return {
        start,
        end: start + view.getUint32(i * RECORD_BYTES + 8, true),
        crc: view.getUint32(i * RECORD_BYTES + 12, true),
      }
    })
    if (places.length === 0) return []
    const [from, to] = [places[0].start, places.at(-1)!.end]
    const inOrder = places.every(({ start, end }) => start >= from && start <= end && end <= to)
    if (!inOrder || to > texts.end) throw damaged(name, `list of passages at row ${first}`)
    const bytes = await this.#source.read(from, to)
    return places.map(({ start, end, crc }, i) => {
      const json = bytes.subarray(start - from, end - from)
      if (crc32(json) !== crc) throw damaged(name, `passage of row ${first + i}`)
      return json
    })
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
