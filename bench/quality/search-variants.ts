/**
 * `npm run rag-quality -- --search`: how well passages are found, for passages of several sizes, by vectors alone and by words too. Nothing is
 * read, so all questions that have an answer take part and each variant is one search a question.
 */
import { join } from 'node:path'
import type { SplitOptions } from '../../src/documents/index.js'
import {
  FlatFileStore,
  HybridStore,
  StoreRetriever,
  type Retriever,
  type SentenceEncoder,
} from '../../src/rag/index.js'
import type { QualityQuestion } from './ask-all.js'
import { documentationQuestions, indexDocumentation } from './documentation.js'
import { foundAt, RANKS, retrievalQuality, type RetrievalQuality } from './measures.js'

/** Options of `glassformer index`, the default first. */
const SPLITS: readonly SplitOptions[] = [
  {},
  { overlap: 1 },
  { maxTokens: 64 },
  { maxTokens: 96 },
  { maxTokens: 192 },
  { maxTokens: 256 },
  { maxTokens: 256, overlap: 1 },
]

export interface SearchVariant {
  readonly corpus: string
  readonly split: SplitOptions
  readonly passages: number
  /** By dot product, and by words too. */
  readonly vectors: RetrievalQuality
  readonly hybrid: RetrievalQuality
}

export interface SearchVariantsOptions {
  readonly facts: Retriever
  readonly factQuestions: readonly QualityQuestion[]
  /** Questions about each corpus; all unless told. */
  readonly limit: number | undefined
  /** Where indexes may be written. */
  readonly folder: string
  readonly onVariant: (variant: SearchVariant) => void
}

export async function searchVariants(
  encoder: SentenceEncoder,
  { facts, factQuestions, limit, folder, onVariant }: SearchVariantsOptions,
): Promise<SearchVariant[]> {
  const variants: SearchVariant[] = []
  const measureStore = async (
    variant: Pick<SearchVariant, 'corpus' | 'split'>,
    store: FlatFileStore,
    questions: readonly QualityQuestion[],
  ) => {
    const asked = questions.filter(({ isRight }) => isRight)
    const quality = async (searched: FlatFileStore | HybridStore) => {
      const retriever = await StoreRetriever.open(encoder, searched)
      const ranks: (number | undefined)[] = []
      for (const { question, isRight } of asked) {
        ranks.push(foundAt(await retriever.retrieve(question, Math.max(...RANKS)), isRight!))
      }
      return retrievalQuality(ranks)
    }
    const [vectors, hybrid] = [await quality(store), await quality(new HybridStore(store))]
    variants.push({ ...variant, passages: await store.size(), vectors, hybrid })
    onVariant(variants.at(-1)!)
    await store.close()
  }

  const corpus = await storeOf(facts, encoder, join(folder, 'facts.index'))
  await measureStore({ corpus: 'world-facts', split: {} }, corpus, factQuestions.slice(0, limit))
  const questions = (await documentationQuestions()).slice(0, limit)
  for (const [i, split] of (limit === undefined ? SPLITS : SPLITS.slice(0, 1)).entries()) {
    const store = await indexDocumentation(questions, encoder, join(folder, `documentation-${i}.index`), split)
    await measureStore({ corpus: 'documentation', split }, store, questions)
  }
  return variants
}

/** The passages of a retriever with their vectors, as one document of a store. */
async function storeOf({ index, passages }: Retriever, encoder: SentenceEncoder, path: string): Promise<FlatFileStore> {
  const store = await FlatFileStore.openForWriting(path, {
    encoder: await encoder.identity(),
    dimension: encoder.dimension,
  })
  const stored = passages.map((passage, row) => ({ ...passage, vector: index.vector(row) }))
  await store.upsert({ id: 'world-facts', hash: '', passages: stored })
  await store.close()
  return FlatFileStore.open(path)
}

export function searchTable(variants: readonly SearchVariant[]): string {
  const shares = ({ recallAt, meanReciprocalRank }: RetrievalQuality) =>
    [...RANKS.map((k) => recallAt[k]), meanReciprocalRank].map((value) => value.toFixed(3).padStart(8)).join('')
  const head = [...RANKS.map((k) => `@${k}`), 'MRR'].map((name) => name.padStart(8)).join('')
  return [
    `${'corpus'.padEnd(16)}${'split'.padEnd(30)}${'passages'.padStart(8)}   vectors${head.slice(2)}   words too${head.slice(4)}`,
    ...variants.map(({ corpus, split, passages, vectors, hybrid }) => {
      const options = Object.entries(split).map(([name, value]) => `${name} ${String(value)}`)
      const how = options.join(', ') || 'default'
      return `${corpus.padEnd(16)}${how.padEnd(30)}${String(passages).padStart(8)}   ${' '.repeat(5)}${shares(vectors)}   ${' '.repeat(5)}${shares(hybrid)}`
    }),
  ].join('\n')
}
