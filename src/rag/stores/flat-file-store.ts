/**
 * A store in one file (index-layout.ts), searched exactly. Small ones are searched in memory; of large ones a copy in 8-bit integers is
 * scanned by the backend's kernels, and vectors and texts stay in the file. A store that is written gathers its changes in a journal
 * beside the file (journal.ts); a search or `close` makes a new file of both and puts it in the place of the old one, so that
 * the file is always whole.
 */
import { defaultBackend, type Backend } from '../../backends/index.js'
import { InputError, ShapeError } from '../../errors.js'
import { checkpoint, untilAborted } from '../../event-loop.js'
import type { ByteSource } from '../../files/byte-source.js'
import { openFolder } from '../../files/folder.js'
import { Bm25 } from '../finding/bm25.js'
import type { Passage } from '../finding/corpus.js'
import { requireSameEncoder, type EncoderIdentity } from '../finding/encoder-identity.js'
import { FlatIndex, type IndexDType } from '../finding/flat-index.js'
import { IndexFileError } from '../finding/index-file.js'
import { IndexScan } from '../finding/index-scan.js'
import type { RetrievedPassage } from '../finding/retriever.js'
import { IndexReader } from './index-reader.js'
import { Journal } from './journal.js'
import { mergeIndex } from './merge-index.js'
import { SharedWork } from './shared-work.js'
import {
  checkPlaces,
  checkSearch,
  type DocumentStamp,
  type Filter,
  type UpsertOptions,
  type StoredDocument,
  type StoreReadOptions,
  type StoreSearchOptions,
  type TextHit,
  type TextSearchStore,
} from './store.js'

/** Passages from which on a store is scanned by kernels. */
const WORTH_SCANNING = 20_000

export interface FlatFileOptions {
  /** Where large stores are scanned; it stays the caller's. By default a backend of the store's own, when it is first needed. */
  readonly backend?: Backend
}

export interface FlatFileWriteOptions extends FlatFileOptions {
  /** What makes the vectors: `await encoder.identity()`. */
  readonly encoder: EncoderIdentity
  readonly dimension: number
  /** int8 takes a quarter of the space; by default what the file has, or float32. */
  readonly dtype?: IndexDType
}

/** What a store is, whether its file is there already or not. */
interface Kind {
  readonly encoder: EncoderIdentity
  readonly dimension: number
  readonly dtype: IndexDType
}

/** What a store has that is written. */
interface Writing {
  readonly path: string
  readonly journal: Journal
  /** Lets others write the file. */
  readonly giveBack: () => Promise<void>
}

export class FlatFileStore implements TextSearchStore {
  readonly encoder: EncoderIdentity
  readonly dimension: number
  readonly dtype: IndexDType
  /** Undefined for a store that is only searched. */
  readonly #writing: Writing | undefined
  #reader: IndexReader | undefined
  #search: SharedWork<FlatIndex | IndexScan> | undefined
  #words: SharedWork<Bm25> | undefined
  #mask: { readonly key: string; readonly rows: Uint8Array } | undefined
  readonly #givenBackend: Backend | undefined
  #ownBackend: Promise<Backend> | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(
    { encoder, dimension, dtype }: Kind,
    parts: {
      readonly reader?: IndexReader
      readonly writing?: Writing
      readonly backend?: Backend
    },
  ) {
    this.encoder = encoder
    this.dimension = dimension
    this.dtype = dtype
    this.#reader = parts.reader
    this.#writing = parts.writing
    this.#givenBackend = parts.backend
  }

  /**
   * Opens an index for searching: a path (Node), a URL, or any source of bytes.
   * @throws FileError when it is not there, IndexFileError when it is not an index, of another version, or damaged
   */
  static async open(location: string | URL | ByteSource, { backend }: FlatFileOptions = {}): Promise<FlatFileStore> {
    const source = typeof location === 'string' || location instanceof URL ? await openSource(location) : location
    if (!source) throw new IndexFileError('file-not-found', `${String(location)}: there is no such index`)
    const reader = await openReader(source)
    return new FlatFileStore(reader.header, { reader, backend })
  }

  /**
   * Opens an index for writing, or begins one where there is none; goes on with the journal of a run that was stopped. Node only. One
   * program at a time may write an index: its number stands in a file beside it.
   * @throws EncoderMismatchError when the file is of another encoder, IndexFileError when it is of another dtype or damaged, FileError
   */
  static async openForWriting(path: string, options: FlatFileWriteOptions): Promise<FlatFileStore> {
    const { encoder, dimension, backend } = options
    const { holdFile, removeFile } = await import('../../files/node-file.js')
    const giveBack = await holdFile(path)
    let reader: IndexReader | undefined
    try {
      await removeFile(partialOf(path)) // of a program that was killed
      const source = await openSource(path)
      reader = source && (await openReader(source))
      if (reader) requireSameEncoder(reader.header.encoder, encoder)
      const dtype = options.dtype ?? reader?.header.dtype ?? 'float32'
      if (reader && reader.header.dtype !== dtype) {
        throw new IndexFileError(
          'other-dtype',
          `${path}: is of ${reader.header.dtype}, not ${dtype}; choose that, or another file`,
        )
      }
      const kind = { encoder, dimension, dtype }
      const journal = await openJournal(path, kind)
      return new FlatFileStore(kind, { reader, backend, writing: { path, journal, giveBack } })
    } catch (error) {
      await reader?.close()
      await giveBack()
      throw error
    }
  }

  async size(): Promise<number> {
    const pending = this.#writing?.journal.pending
    if (!pending || pending.size === 0) return this.#reader?.header.passages ?? 0
    let size = 0
    for (const document of pending.values()) size += document?.passages ?? 0
    for await (const { id, first, end } of this.#reader?.documents() ?? []) {
      if (!pending.has(id)) size += end - first
    }
    return size
  }

  /** The first call reads the ids of all passages, and keeps 4 bytes of each. */
  async passage(id: string, { signal }: StoreReadOptions = {}): Promise<Passage | undefined> {
    await this.#merged(signal)
    return this.#reader?.find(id, signal)
  }

  /** Of a store that is written, the changes go into the file first. */
  async search(
    vectors: readonly Float32Array[],
    k: number,
    { filter, signal }: StoreSearchOptions = {},
  ): Promise<RetrievedPassage[][]> {
    checkSearch(vectors, k, { dimension: this.dimension, filter })
    await this.#merged(signal)
    const reader = this.#reader
    if (!reader) return vectors.map(() => [])

    const mask = filter && (await untilAborted(this.#maskOf(reader, filter), signal, 'the search'))
    this.#search ??= new SharedWork('the opening of the index', (signal) => this.#openSearch(reader, signal))
    const index = await this.#search.result(signal)
    const results: RetrievedPassage[][] = []
    const found = index instanceof IndexScan ? await index.searchAll(vectors, k, { mask, signal }) : undefined
    for (const [i, vector] of vectors.entries()) {
      await checkpoint(signal, 'the search')
      const hits = found?.[i] ?? (index as FlatIndex).search(vector, k, { mask })
      results.push(
        await Promise.all(hits.map(async ({ index: row, score }) => ({ ...(await reader.passage(row)), score }))),
      )
    }
    return results
  }

  /** By BM25. The first search reads all passages, and keeps their words in memory from then on. Needs the package minisearch. */
  async searchText(
    question: string,
    vector: Float32Array,
    k: number,
    { filter, signal }: StoreSearchOptions = {},
  ): Promise<TextHit[]> {
    checkSearch([vector], k, { dimension: this.dimension, filter })
    await this.#merged(signal)
    const reader = this.#reader
    if (!reader) return []

    const mask = filter && (await untilAborted(this.#maskOf(reader, filter), signal, 'the search for words'))
    this.#words ??= new SharedWork('the reading of the words', (signal) => Bm25.build(reader, { signal }))
    const index = await this.#words.result(signal)
    await checkpoint(signal, 'the search for words')
    return Promise.all(
      index.search(question, k, { mask }).map(async ({ index: row, score: textScore }) => {
        const { vectors, scales } = await reader.rows(row, row + 1)
        const score = new FlatIndex(this.dimension, vectors, scales).score(0, vector)
        return { ...(await reader.passage(row)), score, textScore }
      }),
    )
  }

  async upsert(document: StoredDocument): Promise<void> {
    const { id, hash, metadata = {}, passages } = document
    const vectors = new Float32Array(passages.length * this.dimension)
    passages.forEach(({ vector }, i) => {
      if (vector.length !== this.dimension) {
        throw new ShapeError(
          'upsert',
          `a vector of ${vector.length} elements, the store has vectors of ${this.dimension}`,
        )
      }
      vectors.set(vector, i * this.dimension)
    })
    if (new Set(passages.map((passage) => passage.id)).size < passages.length)
      throw new InputError('duplicate-id', `upsert: passages of ${JSON.stringify(id)} have the same id`)
    checkPlaces(document)
    const rows = FlatIndex.fromVectors(vectors, this.dimension, this.dtype)
    const texts = passages.map(({ id, title, text, source }) => ({ id, title, text, source, metadata }))
    await this.#write((journal) => journal.put({ id, hash, metadata, passages: texts }, rows))
  }

  async upsertAll(
    documents: Iterable<StoredDocument> | AsyncIterable<StoredDocument>,
    { signal, onProgress }: UpsertOptions = {},
  ): Promise<number> {
    let done = 0
    for await (const document of documents) {
      await checkpoint(signal, 'the upsert')
      await this.upsert(document)
      done += document.passages.length
      onProgress?.(done)
    }
    return done
  }

  async delete(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#write((journal) => journal.take(ids))
  }

  async *documents(): AsyncGenerator<DocumentStamp> {
    const pending = new Map(this.#writing?.journal.pending)
    for await (const { id, hash } of this.#reader?.documents() ?? []) if (!pending.has(id)) yield { id, hash }
    for (const document of pending.values()) if (document) yield { id: document.id, hash: document.hash }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await this.#inTurn(() => this.#merge())
    await this.#inTurn(() => this.#writing?.journal.remove())
    await this.#release()
  }

  /** Like `close`, but leaves what is not in the file yet in the journal: whoever opens the store for writing again goes on from there. */
  async suspend(): Promise<void> {
    if (this.#closed) return
    const journal = this.#writing?.journal
    await this.#inTurn(() => (journal?.pending.size === 0 ? journal.remove() : journal?.close()))
    await this.#release()
  }

  /** Like `close`, but forgets what is not in the file yet. */
  async discard(): Promise<void> {
    if (this.#closed) return
    await this.#inTurn(() => this.#writing?.journal.remove())
    await this.#release()
  }

  async #release(): Promise<void> {
    this.#closed = true
    await this.#dropSearch()
    await this.#reader?.close()
    ;(await this.#ownBackend)?.dispose()
    await this.#writing?.giveBack()
  }

  async #write(change: (journal: Journal) => Promise<void>): Promise<void> {
    await this.#inTurn(async () => {
      if (!this.#writing)
        throw new InputError(
          'read-only',
          'this store was opened for searching; FlatFileStore.openForWriting opens it for changes',
        )
      await change(this.#writing.journal)
    })
  }

  /** The changes go into the file. When the signal fires they go on to, and nobody waits. */
  async #merged(signal: AbortSignal | undefined): Promise<void> {
    if (this.#writing)
      await untilAborted(
        this.#inTurn(() => this.#merge()),
        signal,
        'the writing of the changes',
      )
  }

  /** Changes and merges come one after the other. */
  #inTurn<T>(action: () => T | Promise<T>): Promise<T> {
    const turn = this.#turn.then(action)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  /** A new file of the old one and the journal, which is empty afterwards. */
  async #merge(): Promise<void> {
    if (!this.#writing || this.#writing.journal.pending.size === 0) return
    const { journal, path } = this.#writing
    const { encoder, dimension, dtype } = this
    const { openWritable, removeFile, replaceFile } = await import('../../files/node-file.js')
    const partial = partialOf(path)
    const file = await openWritable(partial)
    try {
      await mergeIndex(file, { encoder, dimension, dtype, reader: this.#reader, journal })
    } catch (error) {
      await removeFile(partial)
      throw error
    } finally {
      await file.close()
    }
    await this.#dropSearch()
    await this.#reader?.close() // Windows puts nothing in the place of a file that is open
    try {
      await replaceFile(partial, path)
      await journal.clear()
    } catch (error) {
      await removeFile(partial)
      throw error
    } finally {
      const source = await openSource(path)
      this.#reader = source && (await openReader(source))
    }
  }

  async #maskOf(reader: IndexReader, filter: Filter): Promise<Uint8Array> {
    const key = JSON.stringify(filter)
    if (this.#mask?.key !== key) this.#mask = { key, rows: await reader.mask(filter) }
    return this.#mask.rows
  }

  async #openSearch(reader: IndexReader, signal: AbortSignal): Promise<FlatIndex | IndexScan> {
    if (reader.count < WORTH_SCANNING) return reader.inMemory()
    const backend = this.#givenBackend ?? (await (this.#ownBackend ??= defaultBackend()))
    return IndexScan.create(reader, backend, { signal })
  }

  async #dropSearch(): Promise<void> {
    await Promise.all([this.#search?.cancel(), this.#words?.cancel()])
    const search = this.#search?.done
    if (search instanceof IndexScan) search.dispose()
    this.#search = this.#mask = this.#words = undefined
  }
}

async function openReader(source: ByteSource): Promise<IndexReader> {
  try {
    return await IndexReader.open(source)
  } catch (error) {
    await source.close()
    throw error
  }
}

async function openSource(location: string | URL): Promise<ByteSource | undefined> {
  if (location instanceof URL) {
    const file = location.pathname.slice(location.pathname.lastIndexOf('/') + 1)
    return openFolder(new URL('.', location)).open(decodeURIComponent(file))
  }
  const [, folder, file] = /^(.*[/\\])?([^/\\]*)$/s.exec(location)!
  return openFolder(folder ?? './').open(file)
}

async function openJournal(path: string, { encoder, dimension, dtype }: Kind): Promise<Journal> {
  const { openWritable, removeFile } = await import('../../files/node-file.js')
  const file = `${path}.journal`
  const { hash, pooling, normalize } = encoder
  const about = JSON.stringify({ hash, pooling, normalize, dimension, dtype })
  const writable = await openWritable(file)
  try {
    return await Journal.open(writable, about, { dimension, dtype }, () => removeFile(file))
  } catch (error) {
    await writable.close()
    throw error
  }
}

/** Where the new index is until it is whole. */
function partialOf(path: string): string {
  return `${path}.partial`
}
