export { DocumentError, type Block, type Document, type DocumentEntry } from './document.js'
export { EXTENSIONS, formatOf, openDocuments, type DocumentFormat } from './formats.js'
export type { Span } from './mapped-text.js'
export { splitDocument, type SplitOptions, type TokenCounter } from './split.js'
