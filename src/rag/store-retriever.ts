/**
 * A retriever over a store: embeds questions and leaves the search to it.
 */
import { InputError } from '../errors.js'
import { CorpusError } from './corpus.js'
import { requireSameEncoder } from './encoder-identity.js'
import type { RetrievedPassage } from './retriever.js'
import type { SentenceEncoder } from './sentence-encoder.js'
import { fuseRankings } from './reciprocal-rank.js'
import { searchesText, type Store, type StoreSearchOptions, type TextSearchStore } from './stores/store.js'

export interface RetrieveOptions extends StoreSearchOptions {
  /** Searches for words too, and fuses both rankings by reciprocal rank. */
  readonly hybrid?: boolean
  /** How many passages each of the two searches finds; by default the larger of k and 50. */
  readonly candidates?: number
}

/** Passages that a search finds for a later stage to choose from, unless told. */
export const CANDIDATES = 50

export class StoreRetriever {
  readonly encoder: SentenceEncoder
  /** It stays the caller's, who closes it. */
  readonly store: Store

  private constructor(encoder: SentenceEncoder, store: Store) {
    this.encoder = encoder
    this.store = store
  }

  /** @throws EncoderMismatchError when the store's vectors are of another encoder */
  static async open(encoder: SentenceEncoder, store: Store): Promise<StoreRetriever> {
    requireSameEncoder(store.encoder, await encoder.identity())
    return new StoreRetriever(encoder, store)
  }

  /**
   * The k best passages, best first: by dot product, or with `hybrid` by the fusion of two searches.
   * @throws InputError for an empty question or one that is too long, when the filter leaves nothing, or for `hybrid` where the store does
   * not search for words; CorpusError for an empty store
   */
  async retrieve(question: string, k: number, options: RetrieveOptions = {}): Promise<RetrievedPassage[]> {
    if (question.trim() === '') throw new InputError('empty-question', 'the question is empty')
    const vector = await this.encoder.embed([question], { signal: options.signal })
    const hits = options.hybrid
      ? await this.#searchBoth(question, vector, k, options)
      : (await this.store.search([vector], k, options))[0]
    if (hits.length > 0) return hits
    if ((await this.store.size()) === 0) throw new CorpusError('empty-corpus', 'the index holds no passages')
    throw new InputError(
      'nothing-matches',
      `no document of the index matches the filter ${JSON.stringify(options.filter)}`,
    )
  }

  async #searchBoth(
    question: string,
    vector: Float32Array,
    k: number,
    { candidates = Math.max(k, CANDIDATES), filter, signal }: RetrieveOptions,
  ): Promise<RetrievedPassage[]> {
    const store = requireTextSearch(this.store)
    const [[near], worded] = await Promise.all([
      store.search([vector], candidates, { filter, signal }),
      store.searchText(question, vector, candidates, { filter, signal }),
    ])
    const passages = new Map<string, RetrievedPassage>(near.map((hit) => [hit.id, hit]))
    for (const { textScore, ...hit } of worded) passages.set(hit.id, { ...hit, scores: { text: textScore } })
    const ranks = fuseRankings([near.map(({ id }) => id), worded.map(({ id }) => id)])
    return ranks.slice(0, k).map(({ id, score: rrf }) => {
      const passage = passages.get(id)!
      return { ...passage, scores: { ...passage.scores, rrf } }
    })
  }
}

/** @throws InputError */
function requireTextSearch(store: Store): TextSearchStore {
  if (searchesText(store)) return store
  throw new InputError('no-text-search', 'hybrid: this store does not search for words')
}
