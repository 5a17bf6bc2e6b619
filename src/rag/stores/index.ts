export type { DocumentStamp, Filter, Store, StoredDocument, StoredPassage, StoreSearchOptions } from './store.js'
