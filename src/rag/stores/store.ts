/**
 * A store: passages with their vectors, kept by document, and searched by dot product. What keeps them is a matter of the store: a file
 * (flat-file-store.ts) or a database. A document is replaced as a whole, so that nobody ever finds half of one.
 */
import { InputError } from '../../errors.js'
import type { Metadata, MetadataValue, Passage } from '../finding/corpus.js'
import type { EncoderIdentity } from '../finding/encoder-identity.js'
import { checkQuery } from '../finding/flat-index.js'
import { wrongSource } from '../finding/passage-place.js'
import type { RetrievedPassage } from '../finding/retriever.js'

/** A passage as it goes into a store, with its vector [dimension]. Its metadata are those of the document. */
export interface StoredPassage extends Omit<Passage, 'metadata'> {
  readonly vector: Float32Array
}

/** Tells whether a document is in a store as it is now. */
export interface DocumentStamp {
  readonly id: string
  /** Stands for the content: whoever fills the store chooses how it is computed. */
  readonly hash: string
}

export interface StoredDocument extends DocumentStamp {
  readonly metadata?: Metadata
  /** In the order of the document; the ids are unique in the store. */
  readonly passages: readonly StoredPassage[]
}

/**
 * Which documents to search: those whose metadata have, for every key, the value or one of the values. A document that has a list there
 * matches by any of it; one without the key does not. Values are equal when their types are.
 */
export type Filter = Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>

export interface StoreReadOptions {
  readonly signal?: AbortSignal
}

export interface StoreSearchOptions extends StoreReadOptions {
  readonly filter?: Filter
  /** The texts of the vectors, for a store that goes by their words too ({@link HybridStore}). */
  readonly questions?: readonly string[]
}

export interface UpsertOptions {
  readonly signal?: AbortSignal
  /** Called whenever some documents are in, with the number of passages so far. */
  readonly onProgress?: (passages: number) => void
}

export interface Store {
  /** Length of a vector. */
  readonly dimension: number
  /** What made the vectors. Questions have to be embedded by the same. */
  readonly encoder: EncoderIdentity
  /** Number of passages. */
  size(): Promise<number>
  /** The passage of this id; undefined where there is none. @throws AbortedError */
  passage(id: string, options?: StoreReadOptions): Promise<Passage | undefined>
  /**
   * For each vector the k passages with the largest dot products, best first; fewer where there are fewer.
   * @throws ShapeError for a vector of another length; InputError for NaN or Infinity, a k that is not a whole number of 1 or more, or a
   * filter that is none; AbortedError
   */
  search(vectors: readonly Float32Array[], k: number, options?: StoreSearchOptions): Promise<RetrievedPassage[][]>
  /**
   * Puts a document in the place of the one of the same id, if there is one. A document without passages is kept as well: it has been seen.
   * @throws ShapeError for a vector of another length; InputError for NaN or Infinity, for passages with the same id, or for places that cannot be
   */
  upsert(document: StoredDocument): Promise<void>
  /**
   * Puts many documents in, as `upsert` does each of them; a store that writes many at once faster than one by one does so. When it fails,
   * each document is there as it was or as it is now, never in part.
   * @returns the number of passages
   * @throws as `upsert`, and AbortedError
   */
  upsertAll(
    documents: Iterable<StoredDocument> | AsyncIterable<StoredDocument>,
    options?: UpsertOptions,
  ): Promise<number>
  /** Removes documents; ids that are not there are passed over. */
  delete(ids: readonly string[]): Promise<void>
  documents(): AsyncIterable<DocumentStamp>
  /** Writes what is not written yet and gives back what the store holds. Idempotent; the store is not used afterwards. */
  close(): Promise<void>
}

/** A passage that was found by its words. Its `score` is the dot product, as in every search. */
export interface TextHit extends RetrievedPassage {
  /** How well the words fit. Only scores of one search can be compared. */
  readonly textScore: number
}

/** A store that finds passages by their words too. */
export interface TextSearchStore extends Store {
  /**
   * The k passages whose words fit a question best, best first; fewer where fewer share a word with it.
   * @param vector the question's, for the scores
   * @throws as `search`
   */
  searchText(question: string, vector: Float32Array, k: number, options?: StoreSearchOptions): Promise<TextHit[]>
}

/** Whether a store can be searched for words. */
export function searchesText(store: Store): store is TextSearchStore {
  return 'searchText' in store
}

/** @throws ShapeError for a vector of another length; InputError for NaN or Infinity, a wrong k, or a filter that is none */
export function checkSearch(
  vectors: readonly Float32Array[],
  k: number,
  { dimension, filter }: { readonly dimension: number; readonly filter?: Filter },
): void {
  if (!Number.isSafeInteger(k) || k < 1)
    throw new InputError('bad-k', `search: k is ${k}, expected a whole number of 1 or more`)
  vectors.forEach((vector) => checkQuery(vector, dimension))
  if (filter) checkFilter(filter)
}

/** @throws InputError for a filter whose values are not strings, numbers or booleans, or a list without a value */
export function checkFilter(filter: Filter): void {
  for (const [key, wanted] of Object.entries(filter)) {
    const values = [wanted].flat()
    if (values.length > 0 && values.every(isMetadataValue)) continue
    throw new InputError(
      'bad-filter',
      `filter: ${JSON.stringify(key)} is ${JSON.stringify(wanted)}, expected a string, a number, a boolean, or a list of them`,
    )
  }
}

/** @throws InputError for a passage whose places are none of its text: it could not be read again */
export function checkPlaces({ passages }: StoredDocument): void {
  for (const { id, text, source } of passages) {
    const wrong = wrongSource(source, text)
    if (wrong !== undefined) throw new InputError('bad-places', `upsert: passage ${JSON.stringify(id)}: ${wrong}`)
  }
}

/** Whether a document with these metadata is among those that the filter names. */
export function matches(filter: Filter, metadata: Metadata = {}): boolean {
  return Object.entries(filter).every(([key, wanted]) => {
    const values = Object.hasOwn(metadata, key) ? [metadata[key]].flat() : []
    return [wanted].flat().some((value) => values.includes(value))
  })
}

function isMetadataValue(value: unknown): value is MetadataValue {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}
