/**
 * What `glassformer/documents` gives: files to passages, and passages into a store.
 */
export type { ParsingLimits } from './apart.js'
export { DocumentError, type Block, type Document, type DocumentEntry } from './document.js'
export { EXTENSIONS, formatOf, type DocumentFormat } from './formats.js'
export {
  indexDocuments,
  type DocumentFile,
  type IndexingOptions,
  type IndexingProgress,
  type IndexingReport,
} from './index-documents.js'
export type { Span } from './mapped-text.js'
export { documentFiles, type DocumentFilesOptions } from './node-files.js'
export { openDocuments } from './open-documents.js'
export { splitDocument, type SplitOptions, type TokenCounter } from './split.js'
