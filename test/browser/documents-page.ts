/**
 * What documents.test.ts asks of a page. Bundled by it, with the package's entries as their files in dist/.
 */
import { bytesSource, type SentenceEncoder, type Store, type StoredDocument } from 'glassformer'
import { indexDocuments, type IndexingOptions } from 'glassformer/documents'

const ENCODER = {
  maxLength: 64,
  dimension: 1,
  countTokens: (text: string) => text.length,
  embed: async (texts: readonly string[]) => new Float32Array(texts.length),
}

/** Indexes texts by their paths: ids of what was stored, and what failed. */
export async function indexTexts(texts: Readonly<Record<string, string>>, options: IndexingOptions) {
  const stored: string[] = []
  const store = {
    documents: async function* () {},
    upsertAll: async (documents: readonly StoredDocument[]) => stored.push(...documents.map(({ id }) => id)),
    delete: async () => {},
  }
  const files = Object.entries(texts).map(([path, text]) => ({
    path,
    open: async () => bytesSource(new TextEncoder().encode(text), path),
  }))
  const { failures } = await indexDocuments(
    files,
    ENCODER as unknown as SentenceEncoder,
    store as unknown as Store,
    options,
  )
  return { stored, failures: failures.map(({ path, error }) => [path, error.code]) }
}

declare global {
  /** For the functions that run in the page. */
  var index: typeof indexTexts
}
globalThis.index = indexTexts
