/**
 * Writes an index file in all of its sections at once: scales, vectors, records and texts grow beside each other, and nothing of them but
 * some buffers is in memory.
 */
import type { WritableFile } from '../../files/node-file.js'
import type { Metadata } from '../finding/corpus.js'
import { crc32 } from '../finding/crc32.js'
import {
  align,
  BLOCK_ROWS,
  elementBytes,
  encodeHeader,
  headerBytes,
  RECORD_BYTES,
  type IndexHeader,
} from './index-layout.js'
import type { DocumentStamp } from './store.js'

/** What is known before the first row is written. */
export type IndexPlan = Pick<IndexHeader, 'encoder' | 'dtype' | 'dimension' | 'passages' | 'documents'>

/** A document as it is in the file. */
export interface DocumentBytes extends DocumentStamp {
  readonly metadata: Metadata
  /** The JSON of each passage. */
  readonly passages: readonly Uint8Array[]
  readonly vectors: Uint8Array
  /** Empty for float32. */
  readonly scales: Uint8Array
}

export class IndexWriter {
  readonly #file: WritableFile
  readonly #plan: IndexPlan
  readonly #starts: Readonly<Record<'scales' | 'vectors' | 'records' | 'texts', number>>
  readonly #scales: Run
  readonly #vectors: Run
  readonly #records: Run
  readonly #texts: Run
  readonly #documents = new ListOfDocuments()
  readonly #checksums: number[] = []
  /** Of the block that is not full yet: rows, CRC-32 of the vectors, and the scales. */
  #block = { rows: 0, crc: 0, scales: [] as Uint8Array[] }

  constructor(file: WritableFile, plan: IndexPlan) {
    const { dtype, dimension, passages } = plan
    this.#file = file
    this.#plan = plan
    const scales = headerBytes(plan.encoder)
    const vectors = align(scales + (dtype === 'int8' ? passages * 4 : 0))
    const records = align(vectors + passages * dimension * elementBytes(dtype))
    this.#starts = { scales, vectors, records, texts: align(records + passages * RECORD_BYTES) }
    this.#scales = new Run(file, scales)
    this.#vectors = new Run(file, vectors)
    this.#records = new Run(file, records)
    this.#texts = new Run(file, this.#starts.texts)
  }

  async add({ id, hash, metadata, passages, vectors, scales }: DocumentBytes): Promise<void> {
    await this.#vectors.append(vectors)
    await this.#scales.append(scales)
    this.#check(vectors, scales, passages.length)
    for (const json of passages) {
      const record = new DataView(new ArrayBuffer(RECORD_BYTES))
      record.setBigUint64(0, BigInt(this.#texts.end - this.#starts.texts), true)
      record.setUint32(8, json.length, true)
      record.setUint32(12, crc32(json), true)
      await this.#texts.append(json)
      await this.#records.append(new Uint8Array(record.buffer))
    }
    this.#documents.add(`${JSON.stringify({ id, hash, metadata, passages: passages.length })}\n`)
  }

  /** Writes what is left, the header last, and waits until the disk has it all. */
  async finish(): Promise<void> {
    for (const run of [this.#scales, this.#vectors, this.#records, this.#texts]) await run.flush()
    if (this.#block.rows > 0) this.#closeBlock()
    const documents = align(this.#texts.end)
    const run = new Run(this.#file, documents)
    for (const piece of this.#documents.pieces()) await run.append(piece)
    await run.flush()

    const sums = [...this.#checksums, this.#documents.checksum]
    const list = new DataView(new ArrayBuffer(sums.length * 4))
    sums.forEach((sum, i) => list.setUint32(4 * i, sum, true))
    const checksums = align(run.end)
    const size = checksums + list.byteLength
    await this.#file.write(new Uint8Array(list.buffer), checksums)
    const { scales, vectors, records, texts } = this.#starts
    const header = encodeHeader({
      ...this.#plan,
      blockRows: BLOCK_ROWS,
      sections: {
        scales: { start: scales, end: vectors },
        vectors: { start: vectors, end: records },
        records: { start: records, end: texts },
        texts: { start: texts, end: documents },
        documents: { start: documents, end: checksums },
        checksums: { start: checksums, end: size },
      },
      size,
      checksum: crc32(new Uint8Array(list.buffer)),
    })
    await this.#file.write(header, 0)
    await this.#file.truncate(size)
    await this.#file.sync()
  }

  /** Takes rows into the checksum of their block. */
  #check(vectors: Uint8Array, scales: Uint8Array, count: number): void {
    const rowBytes = this.#plan.dimension * elementBytes(this.#plan.dtype)
    for (let row = 0; row < count;) {
      const end = Math.min(count, row + BLOCK_ROWS - this.#block.rows)
      this.#block.crc = crc32(vectors.subarray(row * rowBytes, end * rowBytes), this.#block.crc)
      if (scales.length > 0) this.#block.scales.push(scales.slice(row * 4, end * 4))
      this.#block.rows += end - row
      if (this.#block.rows === BLOCK_ROWS) this.#closeBlock()
      row = end
    }
  }

  #closeBlock(): void {
    const { crc, scales } = this.#block
    this.#checksums.push(scales.reduce((sum, part) => crc32(part, sum), crc))
    this.#block = { rows: 0, crc: 0, scales: [] }
  }
}

const BUFFER_BYTES = 1 << 20

/** The list of the documents, which has its place when all texts have theirs: in memory until then, in few large pieces. */
class ListOfDocuments {
  readonly #full: Uint8Array[] = []
  #piece = new Uint8Array(BUFFER_BYTES)
  #filled = 0
  checksum = 0

  add(line: string): void {
    const bytes = new TextEncoder().encode(line)
    this.checksum = crc32(bytes, this.checksum)
    if (this.#filled + bytes.length > this.#piece.length) {
      this.#full.push(this.#piece.subarray(0, this.#filled))
      this.#piece = new Uint8Array(Math.max(BUFFER_BYTES, bytes.length))
      this.#filled = 0
    }
    this.#piece.set(bytes, this.#filled)
    this.#filled += bytes.length
  }

  pieces(): readonly Uint8Array[] {
    return [...this.#full, this.#piece.subarray(0, this.#filled)]
  }
}

/** Bytes that follow one another, written in large pieces. */
class Run {
  readonly #file: WritableFile
  readonly #buffer = new Uint8Array(BUFFER_BYTES)
  #filled = 0
  #written: number

  constructor(file: WritableFile, start: number) {
    this.#file = file
    this.#written = start
  }

  /** Where the next byte goes. */
  get end(): number {
    return this.#written + this.#filled
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#filled + bytes.length > BUFFER_BYTES) await this.flush()
    if (bytes.length > BUFFER_BYTES) {
      await this.#file.write(bytes, this.#written)
      this.#written += bytes.length
      return
    }
    this.#buffer.set(bytes, this.#filled)
    this.#filled += bytes.length
  }

  async flush(): Promise<void> {
    await this.#file.write(this.#buffer.subarray(0, this.#filled), this.#written)
    this.#written += this.#filled
    this.#filled = 0
  }
}
