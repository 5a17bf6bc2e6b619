export { FlatFileStore, type FlatFileOptions, type FlatFileWriteOptions } from './flat-file-store.js'
export type { DocumentStamp, Filter, Store, StoredDocument, StoredPassage, StoreSearchOptions } from './store.js'
