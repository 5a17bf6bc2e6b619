/**
 * Hybrid search: a store that is asked twice, for the nearest vectors and for the words of the question, and whose two rankings become one by
 * reciprocal rank. Names, numbers and rare words are found by the words; what is said in other words by the vectors.
 */
import { InputError } from '../../errors.js'
import type { Passage } from '../finding/corpus.js'
import type { EncoderIdentity } from '../finding/encoder-identity.js'
import { fuseRankings } from '../finding/reciprocal-rank.js'
import type { RetrievedPassage } from '../finding/retriever.js'
import type {
  DocumentStamp,
  Store,
  StoredDocument,
  StoreReadOptions,
  StoreSearchOptions,
  TextSearchStore,
  UpsertOptions,
} from './store.js'

export interface HybridOptions {
  /** How many passages each of the two searches finds, if k is not more; 50 unless told. */
  readonly candidates?: number
}

export class HybridStore implements Store {
  readonly store: TextSearchStore
  readonly #candidates: number

  /** @throws InputError for a wrong option */
  constructor(store: TextSearchStore, { candidates = 50 }: HybridOptions = {}) {
    if (!Number.isSafeInteger(candidates) || candidates < 1) {
      const detail = `candidates is ${candidates}, expected a whole number of 1 or more`
      throw new InputError('bad-option', `HybridStore: ${detail}`)
    }
    this.store = store
    this.#candidates = candidates
  }

  get dimension(): number {
    return this.store.dimension
  }

  get encoder(): EncoderIdentity {
    return this.store.encoder
  }

  /**
   * For each vector the k passages that are best in both rankings together. A score stays the dot product; `scores` has the other numbers,
   * `ranks` the places.
   * @throws InputError without the questions, too
   */
  async search(
    vectors: readonly Float32Array[],
    k: number,
    { questions, ...options }: StoreSearchOptions = {},
  ): Promise<RetrievedPassage[][]> {
    if (questions?.length !== vectors.length) {
      throw new InputError(
        'no-questions',
        `HybridStore: ${questions?.length ?? 0} questions for ${vectors.length} vectors; the option questions has a text for each`,
      )
    }
    const candidates = Math.max(k, this.#candidates)
    const near = await this.store.search(vectors, candidates, options)
    const found: RetrievedPassage[][] = []
    for (const [i, question] of questions.entries()) {
      const worded = await this.store.searchText(question, vectors[i], candidates, options)
      const passages = new Map<string, RetrievedPassage>(near[i].map((hit) => [hit.id, hit]))
      for (const { textScore, ...hit } of worded) passages.set(hit.id, { ...hit, scores: { text: textScore } })
      const rankings = [near[i], worded].map((hits) => hits.map(({ id }) => id))
      const [dots, texts] = rankings.map((ids) => new Map(ids.map((id, place) => [id, place + 1])))
      found.push(
        fuseRankings(rankings)
          .slice(0, k)
          .map(({ id, score: rrf }, place) => {
            const passage = passages.get(id)!
            const ranks = { dot: dots.get(id), text: texts.get(id), rrf: place + 1 }
            return { ...passage, scores: { ...passage.scores, rrf }, ranks }
          }),
      )
    }
    return found
  }

  size(): Promise<number> {
    return this.store.size()
  }

  passage(id: string, options?: StoreReadOptions): Promise<Passage | undefined> {
    return this.store.passage(id, options)
  }

  upsert(document: StoredDocument): Promise<void> {
    return this.store.upsert(document)
  }

  upsertAll(
    documents: Iterable<StoredDocument> | AsyncIterable<StoredDocument>,
    options?: UpsertOptions,
  ): Promise<number> {
    return this.store.upsertAll(documents, options)
  }

  delete(ids: readonly string[]): Promise<void> {
    return this.store.delete(ids)
  }

  documents(): AsyncIterable<DocumentStamp> {
    return this.store.documents()
  }

  close(): Promise<void> {
    return this.store.close()
  }
}
