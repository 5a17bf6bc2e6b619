/**
 * The pipeline: a question, the passages that are nearest to it, and what a reader makes of them. Passages are found by
 * finding/retriever.ts or in a store; the readers are an encoder-decoder with the mathematics of RAG (reading/reader.ts,
 * reading/marginal-answer.ts) or a decoder-only model (reading/prompt-reader.ts).
 */
import { openBackend } from '../backends/default.js'
import { InputError } from '../errors.js'
import { readText, subfolder, type Folder, type FolderLike } from '../files/folder.js'
import { JsonObject } from '../files/json.js'
import { openPretrained, type HubOptions } from '../hub/index.js'
import type { FromPretrainedOptions } from '../models/index.js'
import { DEFAULT_WEIGHTS } from '../shipped-files.js'
import type { Passage } from './finding/corpus.js'
import type { Reranker } from './finding/reranker.js'
import { Retriever, type RetrievedPassage } from './finding/retriever.js'
import { SentenceEncoder } from './finding/sentence-encoder.js'
import { logPrior } from './paper/marginalise.js'
import type { AnswerOf, AnyReader, OptionsOf, WeighedPassage } from './reading/passage-reader.js'
import { judgementOf, QuotingReader } from './reading/quoting-reader.js'
import { Reader } from './reading/reader.js'
import { SpanReader } from './reading/span-reader.js'
import { HybridStore } from './stores/hybrid-store.js'
import { StoreRetriever } from './stores/store-retriever.js'
import { searchesText, type Filter, type Store } from './stores/store.js'

/** What a score is multiplied with before the softmax: cosines lie close together. */
export const SCORE_SCALE = 20
/** Passages that are found for a reranker, unless told. */
const CANDIDATES = 50

/** Passages with their share of the belief before anything was read: the softmax of their scaled scores, or of a reranker's logits. */
export function weighPassages(passages: readonly RetrievedPassage[]): WeighedPassage[] {
  const priors = logPrior(passages.map(({ score, scores }) => scores?.reranker ?? score * SCORE_SCALE))
  return passages.map((passage, z) => ({ ...passage, logPrior: priors[z] }))
}

export interface RagOptions extends HubOptions, Pick<FromPretrainedOptions, 'backend' | 'dtype' | 'signal'> {
  /** Called while weights are read: what is loaded, tensors done and of all. */
  readonly onProgress?: (what: string, done: number, total: number) => void
  /** Answers from this store and not from the corpus of the folder. It stays the caller's, who closes it. */
  readonly index?: Store
  /** Search the index for the words of the question, too, where it can do that; true unless told. A {@link HybridStore} does that by itself. */
  readonly hybrid?: boolean
  /** Embeds questions, and passages of the caller's, in the place of the encoder in the folder. It stays the caller's, who disposes it. */
  readonly encoder?: SentenceEncoder
  /** Reads question and passage together and picks the best of those found. It stays the caller's, who disposes it. */
  readonly reranker?: Reranker
}

export interface RagReaderOptions<R extends AnyReader> extends RagOptions {
  /** Answers in the place of the reader in the folder. It stays the caller's, who disposes it. */
  readonly reader: R
}

/** What the pipeline itself takes. */
export interface RetrievalOptions {
  /** Answer from these passages and not from the corpus. An id defaults to the passage's number from 1, a title to ''. */
  readonly passages?: readonly (Pick<Passage, 'text'> & Partial<Passage>)[]
  /** Answer only from documents with these metadata; for a pipeline over an index. */
  readonly filter?: Filter
  /** What to search for, where that is more than the question, as in a conversation; the question unless told. */
  readonly query?: string
  /** Passages to read; 5 unless told. */
  readonly topK?: number
  /** How many passages are found, for the reranker to pick topK of them; 50 unless told, or topK where that is more. */
  readonly candidates?: number
  readonly signal?: AbortSignal
}

/** What `ask` takes: the pipeline's own options, and those of its reader. */
export type AskOptions<R extends AnyReader = Reader> = RetrievalOptions & OptionsOf<R>

export class Rag<R extends AnyReader = Reader> {
  readonly reader: R
  readonly encoder: SentenceEncoder
  readonly #openRetriever: () => Promise<Retriever>
  #retriever: Promise<Retriever> | undefined
  /** Goes before the corpus. */
  #index: StoreRetriever | undefined
  readonly #reranker: Reranker | undefined
  readonly #dispose: () => void

  private constructor(parts: {
    readonly reader: R
    readonly encoder: SentenceEncoder
    readonly openRetriever: () => Promise<Retriever>
    readonly index: StoreRetriever | undefined
    readonly reranker: Reranker | undefined
    readonly dispose: () => void
  }) {
    this.reader = parts.reader
    this.encoder = parts.encoder
    this.#openRetriever = parts.openRetriever
    this.#index = parts.index
    this.#reranker = parts.reranker
    this.#dispose = parts.dispose
  }

  /**
   * Loads a folder with `all-MiniLM-L6-v2/`, `reader/` and `world-facts/`; by default the one that comes with the package. The corpus is
   * opened when it is first needed. With a `reader` of the caller's, such as a {@link PromptReader}, that in the folder is not loaded.
   */
  static fromPretrained(location?: FolderLike, options?: RagOptions): Promise<Rag>
  static fromPretrained<R extends AnyReader>(
    location: FolderLike | undefined,
    options: RagReaderOptions<R>,
  ): Promise<Rag<R>>
  static async fromPretrained(
    location: FolderLike = DEFAULT_WEIGHTS,
    options: RagOptions & Partial<RagReaderOptions<AnyReader>> = {},
  ): Promise<Rag<AnyReader>> {
    const {
      onProgress,
      reader: given,
      encoder: ownEncoder,
      index: store,
      reranker,
      hybrid = true,
      ...loadOptions
    } = options
    const folder = await openPretrained(location, options)
    const { backend, owned } = await openBackend(options.backend)
    const disposables: { dispose(): void }[] = owned ? [backend] : []
    const dispose = () => disposables.forEach((held) => held.dispose())
    const load = (what: string) => ({
      ...loadOptions,
      backend,
      onProgress: onProgress && ((done: number, total: number) => onProgress(what, done, total)),
    })
    try {
      const encoder =
        ownEncoder ?? (await SentenceEncoder.fromPretrained(subfolder(folder, 'all-MiniLM-L6-v2'), load('encoder')))
      if (!ownEncoder) disposables.unshift(encoder)
      const searched = store && hybrid && searchesText(store) ? new HybridStore(store) : store
      const index = searched && (await StoreRetriever.open(encoder, searched))
      const reader = given ?? (await defaultReader(folder, load))
      if (!given) disposables.unshift(reader)
      const openRetriever = () => Retriever.fromPretrained(subfolder(folder, 'world-facts'), encoder)
      return new Rag({ reader, encoder, openRetriever, index, reranker, dispose })
    } catch (error) {
      dispose()
      throw error
    }
  }

  /** What is searched: the index, in a {@link HybridStore} where words are searched for too; undefined for the corpus of the folder. */
  get store(): Store | undefined {
    return this.#index?.store
  }

  /** The retriever over the corpus of the folder. */
  retriever(): Promise<Retriever> {
    return (this.#retriever ??= this.#openRetriever())
  }

  /** Answers from `retriever` from now on. */
  use(retriever: Retriever | StoreRetriever): void {
    if (retriever instanceof StoreRetriever) this.#index = retriever
    else {
      this.#index = undefined
      this.#retriever = Promise.resolve(retriever)
    }
  }

  /** Gives back the models' memory, and the backend if the pipeline made it. Idempotent; the pipeline is not used afterwards. */
  dispose(): void {
    this.#dispose()
  }

  /**
   * Answers a question. The prior of a passage is the softmax of the scaled dot products; of the reranker's logits, where there is one. Equal questions, passages and options give equal answers, unless the reader draws its tokens.
   * @throws InputError for an empty or too long question or a wrong option, CorpusError for unusable passages, AbortedError
   */
  async ask(question: string, options: AskOptions<R> = {} as AskOptions<R>): Promise<AnswerOf<R>> {
    checkRetrieval(options, this.reader.optionNames)
    this.reader.checkOptions(options as never)
    const retrieval: RetrievalOptions = options
    const { query = question, signal } = retrieval
    this.encoder.tokenize(query) // throws for what is too long to be searched for
    this.reader.checkQuestion?.(question, options as never)
    const store = retrieval.passages ? undefined : this.store
    const findPassage = store && ((id: string) => store.passage(id, { signal }))
    const passages = weighPassages(await this.#retrieve(question, retrieval))
    return (await this.reader.answer(question, passages, { ...retrieval, findPassage } as never)) as AnswerOf<R>
  }

  /**
   * The passages that `ask` would read, best first: those found, or a reranker's choice of them. `score` is the dot product; `scores` and
   * `ranks` have what the other stages said.
   * @throws as `ask`
   */
  async retrieve(question: string, options: RetrievalOptions = {}): Promise<RetrievedPassage[]> {
    checkRetrieval(options, [])
    return this.#retrieve(question, options)
  }

  /** With a reranker its choice of what is found, best first. */
  async #retrieve(question: string, options: RetrievalOptions): Promise<RetrievedPassage[]> {
    if (question.trim() === '') throw new InputError('empty-question', 'the question is empty')
    const { query = question, topK = 5, candidates = Math.max(topK, CANDIDATES), signal } = options
    const reranker = this.#reranker
    if (!reranker) {
      if (options.candidates === undefined) return this.#find(query, topK, options)
      throw new InputError('bad-option', 'ask: candidates is for a reranker (Rag.fromPretrained with reranker)')
    }
    const found = await this.#find(query, candidates, options)
    const ranked = await reranker.rerank(
      query,
      found.map(({ score: dot, ...passage }, i) => ({ ...passage, ranks: passage.ranks ?? { dot: i + 1 }, dot })),
      { topK, signal },
    )
    return ranked.map(({ dot, score, ...passage }, i) => ({
      ...passage,
      score: dot,
      scores: { ...passage.scores, reranker: score },
      ranks: { ...passage.ranks, reranker: i + 1 },
    }))
  }

  async #find(query: string, k: number, { passages, filter, signal }: RetrievalOptions): Promise<RetrievedPassage[]> {
    if (filter && (passages || !this.#index)) {
      throw new InputError('bad-option', 'ask: filter is for a pipeline over an index (Rag.fromPretrained with index)')
    }
    if (!passages && this.#index) return this.#index.retrieve(query, k, { filter, signal })
    if (!passages) return (await this.retriever()).retrieve(query, k, { signal })
    const own = passages.map(({ id, title = '', text }, i) => ({ id: id ?? String(i + 1), title, text }))
    const retriever = await Retriever.build(this.encoder, own, { signal })
    return retriever.retrieve(query, k, { signal })
  }
}

/** The reader in the folder; with `calibration.json` there, which says how to choose, one that quotes too, by `span-reader/`. */
async function defaultReader(folder: Folder, load: (what: string) => FromPretrainedOptions): Promise<Reader> {
  const text = await readText(folder, 'calibration.json')
  const judgement =
    text === undefined ? undefined : judgementOf(JsonObject.parse(text, `${folder.name}/calibration.json`))
  const reader = await Reader.fromPretrained(subfolder(folder, 'reader'), load('reader'))
  if (!judgement) return reader
  try {
    const quoting = await SpanReader.fromPretrained(subfolder(folder, 'span-reader'), load('span reader'))
    return new QuotingReader(reader, quoting, judgement)
  } catch (error) {
    reader.dispose()
    throw error
  }
}

/** Names and values, before anything is computed. @param more names that are a reader's, which checks their values */
function checkRetrieval(options: RetrievalOptions, more: readonly string[]): void {
  const known = ['passages', 'filter', 'query', 'topK', 'candidates', ...more, 'signal']
  const unknown = Object.keys(options).filter((key) => !known.includes(key))
  if (unknown.length > 0)
    throw new InputError('unknown-option', `ask: unknown option ${unknown.join(', ')}; known: ${known.join(', ')}`)
  const { topK = 5, candidates = topK } = options
  for (const [name, value, least] of [
    ['topK', topK, 1],
    ['candidates', candidates, topK],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least) continue
    throw new InputError('bad-option', `ask: ${name} is ${value}, expected a whole number of ${least} or more`)
  }
}
