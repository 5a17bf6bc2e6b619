/**
 * The retriever: finds the passages whose vectors have the largest dot products with the question's.
 */
import { InputError } from '../../errors.js'
import { untilAborted } from '../../event-loop.js'
import { missingFile, requireText, type FolderLike } from '../../files/folder.js'
import { openPretrained, type HubOptions } from '../../hub/index.js'
import { checkPassages, parseCorpus, passageText, type Passage } from './corpus.js'
import { FlatIndex, type IndexDType, type IndexRows, type SearchHit, type VectorRows } from './flat-index.js'
import { corpusFingerprint, decodeIndex, encodeIndex, requireIndexOf } from './index-file.js'
import type { IndexScan, ScannableRows } from './index-scan.js'
import type { EmbedOptions, SentenceEncoder } from './sentence-encoder.js'

/** Names of the files in a corpus folder. */
const CORPUS_FILE = 'passages.jsonl'
const INDEX_FILE = 'index.bin'

/** Vectors from which on an index is scanned by kernels. */
const WORTH_SCANNING = 20_000
/** Passages whose vectors are in memory before they are rounded to int8. */
const TOGETHER = 4096

export interface RetrievedPassage extends Passage {
  /** Dot product of question and passage; the cosine, for encoders that normalise. */
  readonly score: number
  /** What the other stages of the search said, where there were any. */
  readonly scores?: StageScores
  /** Its place in the ranking of each stage, where there was more than one. */
  readonly ranks?: StageRanks
}

/** Scores of the stages that may follow or stand beside the search by dot product. */
export interface StageScores {
  /** How well the words fit, as the store counts it (BM25 in a file, ts_rank in PostgreSQL); missing for passages not found by words. */
  readonly text?: number
  /** Reciprocal rank fusion of the searches by dot product and by words. */
  readonly rrf?: number
  /** The cross-encoder's logit. */
  readonly reranker?: number
}

/** Places from 1 in the rankings of the stages. Each goes by what the stages before it found. */
export interface StageRanks {
  /** By dot product; missing for passages that only their words brought in. */
  readonly dot?: number
  /** By words; missing for passages not found by words. */
  readonly text?: number
  /** After the fusion of both. */
  readonly rrf?: number
  /** After the cross-encoder. */
  readonly reranker?: number
}

export interface BuildOptions extends Pick<EmbedOptions, 'signal' | 'onProgress' | 'batchSize'> {
  readonly dtype?: IndexDType
}

export class Retriever {
  readonly encoder: SentenceEncoder
  readonly passages: readonly Passage[]
  #index: FlatIndex | IndexScan['packed']
  #scan: Promise<IndexScan> | undefined

  private constructor(encoder: SentenceEncoder, passages: readonly Passage[], index: FlatIndex | IndexScan) {
    this.encoder = encoder
    this.passages = passages
    if (index instanceof FlatIndex) this.#index = index
    else {
      this.#index = index.packed
      this.#scan = Promise.resolve(index)
    }
  }

  /** The vectors of the passages, in their order. Of a large index of int8 they are in the encoder's backend, and nowhere else. */
  get index(): VectorRows {
    return this.#index
  }

  /**
   * Embeds passages. Of a passage longer than the encoder reads, the beginning stands for the whole, as in sentence-transformers.
   * @throws CorpusError for no passages or an id that occurs twice
   */
  static async build(
    encoder: SentenceEncoder,
    passages: readonly Passage[],
    options: BuildOptions = {},
  ): Promise<Retriever> {
    const { dtype, ...embedOptions } = options
    const checked = checkPassages(passages, 'passages')
    if (dtype === 'int8' && checked.length >= WORTH_SCANNING) {
      const { dimension } = encoder
      const blocks = () => int8Blocks(encoder, checked, embedOptions)
      return new Retriever(encoder, checked, await openScan(encoder, { dimension, blocks }, embedOptions))
    }
    const vectors = await encoder.embed(checked.map(passageText), { ...embedOptions, truncate: true })
    return new Retriever(encoder, checked, FlatIndex.fromVectors(vectors, encoder.dimension, dtype))
  }

  /** Opens a folder with passages.jsonl and its index.bin. @throws IndexFileError when they do not belong together */
  static async fromPretrained(
    location: FolderLike,
    encoder: SentenceEncoder,
    options?: HubOptions,
  ): Promise<Retriever> {
    const folder = await openPretrained(location, options)
    const where = `${folder.name}/${CORPUS_FILE}`
    const passages = parseCorpus(await requireText(folder, CORPUS_FILE, 'holds the passages'), where)
    const source = await folder.open(INDEX_FILE)
    if (!source)
      throw missingFile(
        folder,
        INDEX_FILE,
        `is the index of ${CORPUS_FILE}; Retriever.build(encoder, passages) and save() make it`,
      )
    try {
      return Retriever.open(await source.read(0, source.size), passages, encoder, source.name)
    } finally {
      await source.close()
    }
  }

  /** A retriever from the bytes of an index file and the passages that it was made of. */
  static open(bytes: Uint8Array, passages: readonly Passage[], encoder: SentenceEncoder, where: string): Retriever {
    const decoded = decodeIndex(bytes, where)
    requireIndexOf(decoded, { encoder, passages }, where)
    return new Retriever(encoder, passages, decoded.index)
  }

  /** The bytes of an index file, for {@link Retriever.open}. */
  save(): Uint8Array {
    return encodeIndex(this.index, { encoder: this.encoder.name, corpus: corpusFingerprint(this.passages) })
  }

  /** The k best passages, best first. @throws InputError for an empty question or one that is too long */
  async retrieve(question: string, k: number, options: Pick<EmbedOptions, 'signal'> = {}): Promise<RetrievedPassage[]> {
    return this.search(await this.embed(question, options), k, options)
  }

  /** The question's vector. @throws InputError for an empty question or one that is too long */
  async embed(question: string, options: Pick<EmbedOptions, 'signal'> = {}): Promise<Float32Array> {
    if (question.trim() === '') throw new InputError('empty-question', 'the question is empty')
    return this.encoder.embed([question], options)
  }

  /** The k passages with the largest dot products, best first. */
  async search(
    vector: Float32Array,
    k: number,
    { signal }: Pick<EmbedOptions, 'signal'> = {},
  ): Promise<RetrievedPassage[]> {
    const hits = await this.#hits(vector, k, signal)
    return hits.map(({ index, score }) => ({ ...this.passages[index], score }))
  }

  /** Gives back what the retriever holds in the encoder's backend. It is not used afterwards. */
  dispose(): void {
    void this.#scan?.then((scan) => scan.dispose())
    this.#scan = undefined
  }

  /** Large indexes are scanned by kernels; for small ones the copy that these need is not worth its making. */
  async #hits(vector: Float32Array, k: number, signal: AbortSignal | undefined): Promise<SearchHit[]> {
    const index = this.#index
    if (index instanceof FlatIndex) {
      if (index.count < WORTH_SCANNING) return index.search(vector, k)
      this.#scan ??= openScan(this.encoder, index)
    }
    const scan = await untilAborted(this.#scan!, signal, 'the opening of the index')
    if (index.dtype === 'int8') this.#index = scan.packed // the only copy from now on
    return scan.search(vector, k, { signal })
  }
}

async function openScan(
  { backend }: SentenceEncoder,
  rows: ScannableRows,
  options?: Pick<EmbedOptions, 'signal'>,
): Promise<IndexScan> {
  const { IndexScan } = await import('./index-scan.js')
  return IndexScan.create(rows, backend, options)
}

/** The vectors of passages, some at a time. */
async function* int8Blocks(
  encoder: SentenceEncoder,
  passages: readonly Passage[],
  { onProgress, ...options }: Omit<BuildOptions, 'dtype'>,
): AsyncGenerator<IndexRows> {
  for (let first = 0; first < passages.length; first += TOGETHER) {
    const texts = passages.slice(first, first + TOGETHER).map(passageText)
    const vectors = await encoder.embed(texts, {
      ...options,
      truncate: true,
      onProgress: (done) => onProgress?.(first + done, passages.length),
    })
    yield FlatIndex.fromVectors(vectors, encoder.dimension, 'int8')
  }
}
