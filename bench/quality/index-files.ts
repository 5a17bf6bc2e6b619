/**
 * Files as a corpus to ask about.
 */
import { documentFiles, indexDocuments, type SplitOptions } from '../../src/documents/index.js'
import { FlatFileStore, type SentenceEncoder } from '../../src/rag/index.js'

/**
 * Indexes files into a new file at `path`, and opens that.
 * @throws GlassformerError when a file cannot be read
 */
export async function indexFiles(
  files: readonly string[],
  encoder: SentenceEncoder,
  path: string,
  split: SplitOptions = {},
): Promise<FlatFileStore> {
  const store = await FlatFileStore.openForWriting(path, {
    encoder: await encoder.identity(),
    dimension: encoder.dimension,
  })
  const { failures } = await indexDocuments(await documentFiles(files), encoder, store, split)
  await store.close()
  if (failures.length > 0) throw failures[0].error
  return FlatFileStore.open(path)
}
