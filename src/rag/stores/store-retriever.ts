/**
 * A retriever over a store: embeds questions and leaves the search to it.
 */
import { InputError } from '../../errors.js'
import { CorpusError } from '../finding/corpus.js'
import { requireSameEncoder } from '../finding/encoder-identity.js'
import type { RetrievedPassage } from '../finding/retriever.js'
import type { SentenceEncoder } from '../finding/sentence-encoder.js'
import type { Store, StoreSearchOptions } from './store.js'

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
   * The k best passages, best first.
   * @throws InputError for an empty question or one that is too long, or when the filter leaves nothing; CorpusError for an empty store
   */
  async retrieve(question: string, k: number, options: StoreSearchOptions = {}): Promise<RetrievedPassage[]> {
    return this.search(question, await this.embed(question, options), k, options)
  }

  /** The question's vector. @throws InputError for an empty question or one that is too long */
  async embed(question: string, { signal }: Pick<StoreSearchOptions, 'signal'> = {}): Promise<Float32Array> {
    if (question.trim() === '') throw new InputError('empty-question', 'the question is empty')
    return this.encoder.embed([question], { signal })
  }

  /** What `retrieve` finds for a question with this vector. */
  async search(
    question: string,
    vector: Float32Array,
    k: number,
    options: StoreSearchOptions = {},
  ): Promise<RetrievedPassage[]> {
    const [hits] = await this.store.search([vector], k, { ...options, questions: [question] })
    if (hits.length > 0) return hits
    if ((await this.store.size()) === 0) throw new CorpusError('empty-corpus', 'the index holds no passages')
    throw new InputError(
      'nothing-matches',
      `no document of the index matches the filter ${JSON.stringify(options.filter)}`,
    )
  }
}
