/**
 * Makes one index of an old one and the changes in a journal. What stays of the old one is copied as bytes, some thousand rows at a time.
 */
import type { WritableFile } from '../../files/node-file.js'
import type { EncoderIdentity } from '../finding/encoder-identity.js'
import type { IndexDType } from '../finding/flat-index.js'
import { elementBytes } from './index-layout.js'
import type { IndexedDocument, IndexReader } from './index-reader.js'
import { IndexWriter } from './index-writer.js'
import type { Journal } from './journal.js'

/** Rows that are copied together, at least. */
const TOGETHER = 4096

export interface Merged {
  readonly encoder: EncoderIdentity
  readonly dimension: number
  readonly dtype: IndexDType
  readonly reader: IndexReader | undefined
  readonly journal: Journal
}

export async function mergeIndex(file: WritableFile, { reader, journal, ...kind }: Merged): Promise<void> {
  await reader?.verify()
  const { dimension, dtype } = kind
  const scaleBytes = dtype === 'int8' ? 4 : 0
  const rowBytes = dimension * elementBytes(dtype)
  const added = [...journal.pending.values()].filter((document) => document !== null)
  let [passages, documents] = [0, added.length]
  for (const document of added) passages += document.passages
  for await (const { first, end } of kept(reader, journal)) {
    passages += end - first
    documents++
  }

  const writer = new IndexWriter(file, { ...kind, passages, documents })
  const copy = async (group: readonly IndexedDocument[]) => {
    if (!reader || group.length === 0) return
    const from = group[0].first
    const { vectors, scales, passages } = await reader.content(from, group.at(-1)!.end)
    for (const { id, hash, metadata, first, end } of group) {
      const [a, b] = [first - from, end - from]
      await writer.add({
        id,
        hash,
        metadata,
        passages: passages.slice(a, b),
        vectors: vectors.subarray(a * rowBytes, b * rowBytes),
        scales: scales.subarray(a * scaleBytes, b * scaleBytes),
      })
    }
  }
  let group: IndexedDocument[] = []
  for await (const document of kept(reader, journal)) {
    const last = group.at(-1)
    if (last && (last.end !== document.first || last.end - group[0].first >= TOGETHER)) {
      await copy(group)
      group = []
    }
    group.push(document)
  }
  await copy(group)
  for (const pending of added) {
    const { passages: texts, ...content } = await journal.content(pending, scaleBytes)
    await writer.add({
      ...content,
      passages: texts.map((passage) => new TextEncoder().encode(JSON.stringify(passage))),
    })
  }
  await writer.finish()
}

/** The documents of the old index that nothing has replaced or deleted. */
async function* kept(reader: IndexReader | undefined, journal: Journal): AsyncGenerator<IndexedDocument> {
  for await (const document of reader?.documents() ?? []) if (!journal.pending.has(document.id)) yield document
}
