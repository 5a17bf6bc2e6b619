export { FlatFileStore, type FlatFileOptions, type FlatFileWriteOptions } from './flat-file-store.js'
export { HybridStore, type HybridOptions } from './hybrid-store.js'
export { StoreRetriever } from './store-retriever.js'
export type {
  DocumentStamp,
  Filter,
  UpsertOptions,
  Store,
  StoredDocument,
  StoredPassage,
  StoreReadOptions,
  StoreSearchOptions,
  TextHit,
  TextSearchStore,
} from './store.js'
