/**
 * Brings a store up to date with some files: what is new or has changed is read, split and embedded, what is gone is taken out, and the rest
 * is left alone.
 */
import { AbortedError, GlassformerError, InputError } from '../errors.js'
import type { ByteSource } from '../files/byte-source.js'
import { sha256 } from '../files/sha256.js'
import {
  passageText,
  type EmbedOptions,
  type Passage,
  type SentenceEncoder,
  type Store,
  type StoredDocument,
} from '../rag/index.js'
import { checkParsingLimits, ParserApart, type ParsingLimits } from './apart.js'
import type { Document, DocumentEntry } from './document.js'
import type { DocumentFormat } from './formats.js'
import { openDocuments } from './open-documents.js'
import type { Parse } from './parse.js'
import { checkSplitOptions, defaultMaxTokens, splitDocument, type SplitOptions } from './split.js'

/** A file to be indexed. */
export interface DocumentFile {
  /** What its documents are called and citations give. */
  readonly path: string
  /** By default what the end of the path says. */
  readonly format?: DocumentFormat
  open(): Promise<ByteSource>
}

export interface IndexingProgress {
  /** `reading` finds out what has changed. */
  readonly step: 'reading' | 'embedding'
  /** About how many bytes of the files are done, and are to be done. While reading, files. */
  readonly done: number
  readonly total: number
}

export interface IndexingOptions extends SplitOptions, ParsingLimits {
  /** Texts that are computed together; 32 unless told. */
  readonly batchSize?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: IndexingProgress) => void
}

export interface IndexingReport {
  /** Documents that were embedded, those that were left as they were, and those that were taken out. */
  readonly embedded: number
  readonly unchanged: number
  readonly removed: number
  /** Files that could not be read within the limits, or that the store cannot keep. What it held of them is still there. */
  readonly failures: readonly { readonly path: string; readonly error: GlassformerError }[]
}

/** Passages that are embedded together, at least: batches of similar length need many to choose from. */
const TOGETHER = 256
/** Rises when the same file and options give other passages than before. */
const SPLITTER = 5

/**
 * Every file is read twice: to find out what has changed, and if something has, to embed it. Files are parsed in a thread of their own, within
 * limits; where there is none, they are parsed here, which a warning says once.
 * @throws AbortedError, after which the store holds whole documents; InputError for a wrong option
 */
export async function indexDocuments(
  files: readonly DocumentFile[],
  encoder: SentenceEncoder,
  store: Store,
  options: IndexingOptions = {},
): Promise<IndexingReport> {
  checkSplitOptions(options, encoder)
  checkParsingLimits(options)
  const parser = new ParserApart(options)
  try {
    return await update(files, { encoder, store, parse: parser.parse, ...options })
  } finally {
    parser.close()
  }
}

interface Update extends IndexingOptions {
  readonly encoder: SentenceEncoder
  readonly store: Store
  readonly parse: Parse
}

async function update(files: readonly DocumentFile[], options: Update): Promise<IndexingReport> {
  const { encoder, store, parse } = options
  const { maxTokens = defaultMaxTokens(encoder), overlap = 0, batchSize, signal, onProgress } = options
  const failures = new Map<string, GlassformerError>()
  const stored = new Map<string, string>()
  for await (const { id, hash } of store.documents()) stored.set(id, hash)

  const settings = JSON.stringify([SPLITTER, maxTokens, overlap])
  const isStored = ({ id, stamp }: StampedEntry) => stored.get(id) === stamp
  const entriesOf = async function* (file: DocumentFile): AsyncGenerator<StampedEntry> {
    const source = await file.open()
    try {
      for await (const entry of openDocuments(source, file.path, file.format, parse)) {
        if (signal?.aborted) throw new AbortedError('the indexing', signal.reason)
        yield { ...entry, stamp: await sha256(`${entry.hash} ${settings}`) }
      }
    } finally {
      await source.close()
    }
  }
  const fail = ({ path }: DocumentFile, error: unknown) => {
    if (!(error instanceof GlassformerError) || error instanceof AbortedError) throw error
    failures.set(path, error)
  }

  const seen = new Set<string>()
  const changed: { readonly file: DocumentFile; readonly size: number }[] = []
  let unchanged = 0
  for (const [i, file] of files.entries()) {
    try {
      const entries = new Map<string, number>() // what is to be done for each
      for await (const entry of entriesOf(file)) entries.set(entry.id, isStored(entry) ? 0 : entry.size + 1)
      const size = [...entries.values()].reduce((sum, part) => sum + part, 0)
      for (const [id, part] of entries) {
        seen.add(id)
        if (part === 0) unchanged++
      }
      if (size > 0) changed.push({ file, size })
    } catch (error) {
      fail(file, error)
    }
    onProgress?.({ step: 'reading', done: i + 1, total: files.length })
  }

  const changedDocuments = async function* (file: DocumentFile): AsyncGenerator<Waiting> {
    try {
      for await (const entry of entriesOf(file)) {
        if (isStored(entry)) continue
        const document = await entry.load()
        const passages = await splitDocument(document, encoder, options)
        yield { file, document, stamp: entry.stamp, size: entry.size + 1, passages }
      }
    } catch (error) {
      fail(file, error)
    }
  }
  const total = changed.reduce((sum, { size }) => sum + size, 0)
  let [done, embedded, rows] = [0, 0, 0]
  let waiting: Waiting[] = []
  const flush = async () => {
    const size = waiting.reduce((sum, document) => sum + document.size, 0)
    const documents = await embedDocuments(waiting, encoder, {
      batchSize,
      signal,
      onProgress: (count, all) => onProgress?.({ step: 'embedding', done: done + (size * count) / all, total }),
    })
    try {
      await store.upsertAll(documents, { signal })
      embedded += documents.length
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      for (const [i, document] of documents.entries()) {
        await store.upsert(document).then(
          () => embedded++,
          (refused: unknown) => fail(waiting[i].file, refused),
        )
      }
    }
    done += size
    waiting = []
    rows = 0
    onProgress?.({ step: 'embedding', done, total })
  }
  for (const { file } of changed) {
    for await (const document of changedDocuments(file)) {
      waiting.push(document)
      rows += document.passages.length
      if (rows >= TOGETHER) await flush()
    }
  }
  await flush()

  const failed = [...failures.keys()]
  const gone = [...stored.keys()].filter(
    (id) =>
      failed.length < files.length && // else nothing is known
      !seen.has(id) &&
      !failed.some((path) => id === path || id.startsWith(`${path}#`)),
  )
  await store.delete(gone)
  return {
    embedded,
    unchanged,
    removed: gone.length,
    failures: [...failures].map(([path, error]) => ({ path, error })),
  }
}

/** The stamp is of the content and of how it is split. */
interface StampedEntry extends DocumentEntry {
  readonly stamp: string
}

/** A document whose passages are not embedded yet. */
interface Waiting {
  readonly file: DocumentFile
  readonly document: Document
  readonly stamp: string
  readonly size: number
  readonly passages: readonly Passage[]
}

async function embedDocuments(
  documents: readonly Waiting[],
  encoder: SentenceEncoder,
  options: EmbedOptions,
): Promise<StoredDocument[]> {
  const texts = documents.flatMap(({ passages }) => passages.map(passageText))
  const vectors = await encoder.embed(texts, { ...options, truncate: true })
  let row = 0
  return documents.map(({ document, stamp, passages }) => ({
    id: document.id,
    hash: stamp,
    metadata: document.metadata,
    passages: passages.map(({ id, title, text, source }) => {
      const vector = vectors.subarray(row * encoder.dimension, ++row * encoder.dimension)
      return { id, title, text, source, vector }
    }),
  }))
}
