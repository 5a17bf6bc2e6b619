/**
 * Puts documents into the tables, many in one transaction: a row for each document, and the passages by COPY.
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { PoolClient } from 'pg'
import { InputError, ShapeError } from '../../../errors.js'
import { checkPlaces, type StoredDocument } from '../store.js'
import { copyHeader, copyRow, copyTrailer } from './copy.js'
import type { Packages } from './packages.js'
import { checkKey, checkMetadata, checkText, storable } from './storable.js'

/** Passages that go together, at least. */
const TOGETHER = 1000

/** @throws ShapeError, InputError for a document that cannot be kept */
export function checkDocument(document: StoredDocument, dimension: number): void {
  const { id, hash, metadata = {}, passages } = document
  const name = `document ${JSON.stringify(id.slice(0, 100))}`
  checkKey(`the id of ${name}`, id)
  checkText(`the hash of ${name}`, hash)
  checkMetadata(name, metadata)
  for (const passage of passages) {
    checkText(`the id of a passage of ${name}`, passage.id)
    if (passage.vector.length !== dimension) {
      throw new ShapeError(
        'upsert',
        `a vector of ${passage.vector.length} elements, the store has vectors of ${dimension}`,
      )
    }
    if (!passage.vector.every(Number.isFinite)) {
      throw new InputError('not-finite', `upsert: a vector of ${name} contains NaN or Infinity`)
    }
  }
  if (new Set(passages.map((passage) => passage.id)).size < passages.length)
    throw new InputError('duplicate-id', `upsert: passages of ${name} have the same id`)
  checkPlaces(document)
}

/**
 * Documents in lots that go together, each document once and in the order of the ids: two transactions that lock documents in the same
 * order cannot wait for each other.
 */
export async function* lots(
  documents: Iterable<StoredDocument> | AsyncIterable<StoredDocument>,
): AsyncGenerator<StoredDocument[]> {
  let lot = new Map<string, StoredDocument>()
  let rows = 0
  const take = () => [...lot.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  for await (const document of documents) {
    lot.set(document.id, document) // the last one of an id takes its place
    rows += document.passages.length + 1
    if (rows < TOGETHER) continue
    yield take()
    lot = new Map()
    rows = 0
  }
  if (lot.size > 0) yield take()
}

/** Called in a transaction. The document's row is locked first, so that of two who replace a document the second waits. */
export async function putDocuments(
  client: PoolClient,
  documents: readonly StoredDocument[],
  { schema, copyFrom }: { readonly schema: string } & Pick<Packages, 'copyFrom'>,
): Promise<void> {
  const { rows } = await client.query<{ key: string; id: string }>(
    `INSERT INTO ${schema}.documents AS d (id, hash, metadata)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[]::jsonb[])
     ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, metadata = excluded.metadata
     RETURNING key, id`,
    [
      documents.map(({ id }) => id),
      documents.map(({ hash }) => hash),
      documents.map(({ metadata = {} }) => JSON.stringify(metadata)),
    ],
  )
  const keys = new Map(rows.map(({ id, key }) => [id, BigInt(key)]))
  await client.query(`DELETE FROM ${schema}.passages WHERE document = ANY ($1::bigint[])`, [rows.map(({ key }) => key)])
  const columns = 'document, position, id, title, text, source, vector'
  const copy = client.query(copyFrom(`COPY ${schema}.passages (${columns}) FROM STDIN WITH (FORMAT binary)`))
  await pipeline(Readable.from(copyRows(documents, keys)), copy)
}

function* copyRows(documents: readonly StoredDocument[], keys: ReadonlyMap<string, bigint>): Generator<Buffer> {
  yield copyHeader()
  for (const { id, passages } of documents) {
    const key = keys.get(id)!
    for (const [position, { id, title, text, source, vector }] of passages.entries()) {
      yield copyRow([
        { type: 'bigint', value: key },
        { type: 'integer', value: position },
        { type: 'text', value: id },
        { type: 'text', value: storable(title) },
        { type: 'text', value: storable(text) },
        { type: 'text', value: source && JSON.stringify(source) },
        { type: 'vector', value: vector },
      ])
    }
  }
  yield copyTrailer()
}
