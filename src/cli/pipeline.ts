/**
 * The pipeline behind the commands that answer questions: store, reader and reranker, opened from the options.
 */
import { basename } from 'node:path'
import { openFolder, requireText, subfolder } from '../files/folder.js'
import {
  AutoReader,
  parseCorpus,
  PromptReader,
  Rag,
  Reranker,
  SpanReader,
  type StageRanks,
  type Store,
} from '../rag/index.js'
import { DEFAULT_WEIGHTS } from '../shipped-files.js'
import { probability, UsageError, type Arguments, type OptionSpec } from './arguments.js'
import { downloadOptions } from './download.js'
import { encoderOf } from './encoder.js'
import { openStore, postgresName, postgresOptions, postgresUrl } from './stores.js'
import type { LoadingTerminal } from './terminal.js'

/** For commands that search an index. */
export const searchOptions: Readonly<Record<string, OptionSpec>> = {
  index: {
    type: 'string',
    value: 'FILE',
    help: 'answer from this index, which "glassformer index" made of your files (default: the facts of the package)',
  },
  ...postgresOptions,
  encoder: {
    type: 'string',
    value: 'MODEL',
    help: 'with --index or --store: what embedded it, a folder or org/name (default: what it remembers)',
  },
  'vectors-only': {
    type: 'boolean',
    help: 'with --index or --store: do not search for the words of the question too',
  },
}

export const pipelineOptions: Readonly<Record<string, OptionSpec>> = {
  ...searchOptions,
  rerank: { type: 'string', value: 'MODEL', help: 'a cross-encoder that picks the passages to read out of 50' },
  reader: {
    type: 'string',
    value: 'MODEL',
    help: 'the folder or GGUF file that answers (default: the reader of the package)',
  },
  'min-probability': {
    type: 'string',
    value: 'P',
    help: 'say "I don\'t know." where the answer is right with less than P, 0 to 1 (default: the reader\'s own)',
  },
}

/** Of the commands that take a filter themselves. */
export const filterOption: OptionSpec = {
  type: 'string',
  value: 'KEY=VALUE',
  multiple: true,
  help: 'with --index or --store: only documents with this metadata; values of one key are alternatives',
}

/** @throws UsageError for options that exclude each other, want a store where there is none, or have a value that is none */
export function checkPipelineOptions({ options, lists }: Arguments): void {
  const sources = ['index', 'store', 'passages'].filter((name) => options[name] !== undefined)
  if (sources.length > 1) throw new UsageError(`${sources.map((name) => `--${name}`).join(' and ')} exclude each other`)
  const hasStore = options.index !== undefined || options.store !== undefined
  if (lists.filter && !hasStore) throw new UsageError('--filter is for --index or --store')
  probability('min-probability', options['min-probability'])
  for (const name of ['vectors-only', 'encoder']) {
    if (options[name] && !hasStore) throw new UsageError(`--${name} is for --index or --store`)
  }
}

/** A stage of the search. `name` is its key in the `ranks` of a passage and, but for the dot product, in the `scores`. */
export interface SearchStage {
  readonly name: keyof StageRanks
  readonly method: string
}

export type Pipeline = (MixingPipeline | PromptPipeline | QuotingPipeline) & {
  /** Least probability of an answer that is given, where the caller said one. */
  readonly minProbability?: number
  /** What is searched, as people call it: no path, and nothing of a database's address. */
  readonly corpus: string
  /** In the order in which they come. */
  readonly stages: readonly SearchStage[]
  /** Gives back models and store. */
  close(): Promise<void>
}

/** An encoder-decoder reads each passage by itself, and the answers are weighed; that of the package quotes as well. */
export interface MixingPipeline {
  readonly kind: 'mixing'
  readonly rag: Rag
}

/** A span head quotes. */
export interface QuotingPipeline {
  readonly kind: 'quoting'
  readonly rag: Rag<SpanReader>
}

/** A decoder-only model reads all passages in one prompt. */
export interface PromptPipeline {
  readonly kind: 'prompt'
  readonly rag: Rag<PromptReader>
}

export async function openPipeline(options: Arguments['options'], terminal: LoadingTerminal): Promise<Pipeline> {
  const { progress, signal } = terminal
  const opened: (() => void | Promise<void>)[] = []
  const close = async () => {
    for (const give of opened.splice(0).reverse()) await give()
  }
  const load = (what: string) => ({
    ...downloadOptions(terminal),
    onProgress: (done: number, total: number) => progress(what, done, total),
  })
  try {
    const store = await openStore(options)
    if (store) opened.push(() => store.close())
    const given = typeof options.encoder === 'string' ? options.encoder : undefined
    const encoder = store && (await encoderOf(store.encoder, given, terminal))
    if (encoder) opened.push(() => encoder.dispose())
    const reader =
      typeof options.reader === 'string' ? await AutoReader.fromPretrained(options.reader, load('reader')) : undefined
    if (reader) opened.push(() => reader.dispose())
    const reranker =
      typeof options.rerank === 'string' ? await Reranker.fromPretrained(options.rerank, load('reranker')) : undefined
    if (reranker) opened.push(() => reranker.dispose())
    const hybrid = options['vectors-only'] !== true
    const parts = { onProgress: progress, signal, encoder, index: store, hybrid, reranker }
    const minProbability = probability('min-probability', options['min-probability'])
    const common = { minProbability, corpus: corpusName(options), stages: searchStages(options), close }
    if (reader instanceof PromptReader) {
      const rag = await Rag.fromPretrained(undefined, { ...parts, reader })
      opened.push(() => rag.dispose())
      return { kind: 'prompt', rag, ...common }
    }
    if (reader instanceof SpanReader) {
      const rag = await Rag.fromPretrained(undefined, { ...parts, reader })
      opened.push(() => rag.dispose())
      return { kind: 'quoting', rag, ...common }
    }
    const rag = await (reader
      ? Rag.fromPretrained(undefined, { ...parts, reader })
      : Rag.fromPretrained(undefined, parts))
    opened.push(() => rag.dispose())
    return { kind: 'mixing', rag, ...common }
  } catch (error) {
    await close()
    throw error
  }
}

function corpusName(options: Arguments['options']): string {
  const { index } = options
  const postgres = postgresUrl(options)
  if (postgres) return postgresName(postgres.schema)
  return index === undefined ? 'world-facts' : basename(String(index))
}

function searchStages({ index, store, 'vectors-only': vectorsOnly, rerank }: Arguments['options']): SearchStage[] {
  const stages: SearchStage[] = [{ name: 'dot', method: 'dot product' }]
  if (!vectorsOnly && (index !== undefined || store !== undefined)) {
    stages.push({ name: 'text', method: store === undefined ? 'BM25+' : 'ts_rank' })
    stages.push({ name: 'rrf', method: 'reciprocal rank fusion' })
  }
  if (rerank !== undefined) stages.push({ name: 'reranker', method: basename(String(rerank)) })
  return stages
}

/** The passages alone: their number, and each by its id. */
export type Passages = Pick<Store, 'size' | 'passage' | 'close'>

/** What the pipeline of these options searches, without its models. */
export async function openPassages(options: Arguments['options']): Promise<Passages> {
  const store = await openStore(options)
  if (store) return store
  const folder = subfolder(openFolder(DEFAULT_WEIGHTS), 'world-facts')
  const corpus = parseCorpus(await requireText(folder, 'passages.jsonl', 'holds the passages'), folder.name)
  const byId = new Map(corpus.map((passage) => [passage.id, passage]))
  return {
    size: () => Promise.resolve(byId.size),
    passage: (id) => Promise.resolve(byId.get(id)),
    close: () => Promise.resolve(),
  }
}
