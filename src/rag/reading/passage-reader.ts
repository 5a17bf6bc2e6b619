/**
 * What the pipeline (../rag.ts) asks of a model: an answer to a question from the passages that were found. There are two kinds. An
 * encoder-decoder reads each passage by itself, and the answers are weighed by the mathematics of RAG (reader.ts); a
 * decoder-only model reads all of them in one prompt (prompt-reader.ts).
 */
import type { FindPassage } from '../finding/neighbours.js'
import type { RetrievedPassage } from '../finding/retriever.js'

/** A passage with its share of the belief before anything was read. */
export interface WeighedPassage extends RetrievedPassage {
  /** ln p(passage|question): log-softmax of the scaled scores. */
  readonly logPrior: number
}

/** What the pipeline gives a reader beside its options. */
export interface ReadingContext {
  readonly signal?: AbortSignal
  /** Finds what stands beside a passage; given where the passages come from a store. */
  readonly findPassage?: FindPassage
}

export interface PassageReader<Options, Answer> {
  /** Names of the options that it takes beside those of the pipeline. */
  readonly optionNames: readonly string[]
  /** @throws InputError for a wrong value; called before anything is computed */
  checkOptions(options: Options): void
  /** @throws InputError for a question that it cannot read; called before anything is computed */
  checkQuestion?(question: string, options: Options): void
  /** @param passages at least one, best first */
  answer(question: string, passages: readonly WeighedPassage[], options: Options & ReadingContext): Promise<Answer>
  dispose(): void
}

/** Any reader, where its options and answers do not matter. */
export type AnyReader = PassageReader<never, unknown>

/** What a reader of this kind takes. */
export type OptionsOf<R extends AnyReader> = Parameters<R['checkOptions']>[0]

/** What a reader of this kind answers with. */
export type AnswerOf<R extends AnyReader> = Awaited<ReturnType<R['answer']>>
