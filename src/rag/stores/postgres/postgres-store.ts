/**
 * A store in PostgreSQL with pgvector: the same as one in a file, for more passages than a machine's memory holds, and for many who read and
 * write at once. Documents are replaced in a transaction, so a search sees all of a document or nothing of it. Searches are exact
 * until an HNSW index is built. Node only: `import { PostgresStore } from 'glassformer/postgres'`.
 */
import type { PoolClient } from 'pg'
import { InputError } from '../../../errors.js'
import type { Metadata, Passage, PassageSource } from '../../finding/corpus.js'
import { requireSameEncoder, type EncoderIdentity } from '../../finding/encoder-identity.js'
import { wrongSource } from '../../finding/passage-place.js'
import type { RetrievedPassage } from '../../finding/retriever.js'
import {
  checkSearch,
  type DocumentStamp,
  type UpsertOptions,
  type StoredDocument,
  type StoreReadOptions,
  type StoreSearchOptions,
  type TextHit,
  type TextSearchStore,
} from '../store.js'
import { Database, type ConnectionOptions } from './database.js'
import { checkDocument, lots, putDocuments } from './load-documents.js'
import { migrate, stepsTaken, type TableOptions } from './migrations.js'
import { PostgresError } from './postgres-error.js'
import {
  passageOf,
  searchSettings,
  vectorSearch,
  wordSearch,
  type FoundRow,
  type PassageRow,
  type Statement,
} from './search-statements.js'
import { isStorable, quotedName, storable } from './storable.js'

export interface PostgresOptions extends ConnectionOptions {
  /** Schema that holds the tables of the store; `glassformer` unless told. */
  readonly schema?: string
}

export interface PostgresWriteOptions extends PostgresOptions {
  /** What makes the vectors: `await encoder.identity()`. */
  readonly encoder: EncoderIdentity
  readonly dimension: number
  /** Text search configuration of the database, for words; `english` unless told. Only for a store that is begun. */
  readonly textSearch?: string
  /** Parts of the table of passages, by hash of the document; 1 unless told. Only for a store that is begun. */
  readonly partitions?: number
}

export interface PostgresSearchOptions extends StoreSearchOptions {
  /** Compares with every vector, even where there is an HNSW index. */
  readonly exact?: boolean
  /** How many candidates HNSW keeps, up to 1000: more find more and take longer; 40 unless told, and never less than k. */
  readonly efSearch?: number
}

export interface HnswOptions {
  /** Neighbours of a vector in the graph, 2 to 100; 16 unless told. */
  readonly m?: number
  /** Candidates while the graph is built, 4 to 1000 and at least twice m; 64 unless told. */
  readonly efConstruction?: number
  /** Memory for the building, in MB: the graph should fit. By default the server's maintenance_work_mem. */
  readonly memory?: number
  readonly signal?: AbortSignal
}

/** What the row `store` of the table `settings` holds. */
interface Settings extends Pick<TableOptions, 'dimension' | 'textSearch' | 'partitions'> {
  readonly encoder: EncoderIdentity
}

const DEFAULT_SCHEMA = 'glassformer'
/** Most dimensions that pgvector's HNSW takes. */
const MOST_HNSW = 2000
/** Most characters of a question whose words are searched for: the server's stack does not hold the words of a much longer one. */
const LONGEST_QUESTION = 10_000
/** Documents that are listed at once. */
const PAGE = 1000

export class PostgresStore implements TextSearchStore {
  readonly encoder: EncoderIdentity
  readonly dimension: number
  readonly #textSearch: string
  readonly #database: Database
  /** In quotes. */
  readonly #schema: string

  private constructor(database: Database, schema: string, { encoder, dimension, textSearch }: Settings) {
    this.encoder = encoder
    this.dimension = dimension
    this.#textSearch = textSearch
    this.#database = database
    this.#schema = quotedName(schema)
  }

  /**
   * Opens a store that is there already.
   * @param url `postgres://user:password@host:port/database`, as pg takes it
   * @throws PostgresError when there is none, when it is of a newer glassformer, or when the database cannot be reached
   */
  static async open(url: string, options: PostgresOptions = {}): Promise<PostgresStore> {
    const { schema = DEFAULT_SCHEMA } = options
    quotedName(schema)
    return PostgresStore.#opened(url, options, async (client) => {
      if ((await stepsTaken(client, schema)) > 0) {
        const settings = await readSettings(client, schema)
        if (settings) return settings
      }
      throw new PostgresError(
        'no-store',
        `schema ${schema}: there is no store; PostgresStore.openForWriting begins one`,
      )
    })
  }

  /**
   * Opens a store and brings its tables up to date, or begins one where there is none, for which the user needs the right to create a schema.
   * @throws EncoderMismatchError when it is of another encoder; InputError for a wrong option; PostgresError
   */
  static async openForWriting(url: string, options: PostgresWriteOptions): Promise<PostgresStore> {
    const { schema = DEFAULT_SCHEMA, encoder, dimension, textSearch = 'english', partitions = 1 } = options
    quotedName(schema)
    const wanted: Settings = { encoder, dimension, textSearch, partitions }
    return PostgresStore.#opened(url, options, async (client) => {
      await migrate(client, { schema, ...wanted })
      await client.query(
        `INSERT INTO ${quotedName(schema)}.settings (name, value) VALUES ('store', $1) ON CONFLICT DO NOTHING`,
        [JSON.stringify(wanted)],
      )
      const settings = (await readSettings(client, schema))!
      requireSameEncoder(settings.encoder, encoder)
      for (const name of ['dimension', 'textSearch', 'partitions'] as const) {
        if (options[name] === undefined || options[name] === settings[name]) continue
        throw new InputError(
          'other-store',
          `schema ${schema}: ${name} of the store is ${settings[name]}, not ${options[name]}; it cannot change, choose another schema`,
        )
      }
      return settings
    })
  }

  static async #opened(
    url: string,
    options: PostgresOptions,
    prepare: (client: PoolClient) => Promise<Settings>,
  ): Promise<PostgresStore> {
    const { schema = DEFAULT_SCHEMA } = options
    const database = await Database.open(url, options)
    try {
      return new PostgresStore(database, schema, await database.transaction('opening the store', prepare))
    } catch (error) {
      await database.close()
      throw error
    }
  }

  async size(): Promise<number> {
    return this.#database.transaction('counting the passages', async (client) => {
      const { rows } = await client.query<{ size: string }>(`SELECT count(*) AS size FROM ${this.#schema}.passages`)
      return Number(rows[0].size)
    })
  }

  async passage(id: string, { signal }: StoreReadOptions = {}): Promise<Passage | undefined> {
    if (!isStorable(id)) return undefined
    const statement = passageOf({ schema: this.#schema, id })
    const [row] = await this.#database.transaction(
      'reading a passage',
      (client) => run<PassageRow>(client, statement),
      { signal },
    )
    return row && toPassage(row)
  }

  async search(
    vectors: readonly Float32Array[],
    k: number,
    { filter, signal, exact, efSearch }: PostgresSearchOptions = {},
  ): Promise<RetrievedPassage[][]> {
    checkSearch(vectors, k, { dimension: this.dimension, filter })
    checkWhole('efSearch', efSearch, 1, 1000)
    const statements = vectors.map((vector) =>
      vectorSearch({ schema: this.#schema, vector: this.#sql(vector), k, filter }),
    )
    return this.#database.transaction(
      'the search',
      async (client) => {
        await run(client, searchSettings(k, efSearch, exact))
        const found: RetrievedPassage[][] = []
        for (const statement of statements) found.push((await run(client, statement)).map(toHit))
        if (exact || found.every((hits) => hits.length === k) || !(await this.#hasHnsw(client))) return found
        // The index gives up after some thousand rows that a filter leaves out.
        await run(client, searchSettings(k, efSearch, true))
        for (const [i, statement] of statements.entries()) {
          if (found[i].length < k) found[i] = (await run(client, statement)).map(toHit)
        }
        return found
      },
      { signal },
    )
  }

  /** @throws InputError for a question of more than 10,000 characters, too */
  async searchText(
    question: string,
    vector: Float32Array,
    k: number,
    { filter, signal }: StoreSearchOptions = {},
  ): Promise<TextHit[]> {
    checkSearch([vector], k, { dimension: this.dimension, filter })
    if (question.length > LONGEST_QUESTION) {
      const detail = `the question has ${question.length} characters, expected at most ${LONGEST_QUESTION}`
      throw new InputError('question-too-long', `the search for words: ${detail}`)
    }
    const statement = wordSearch({
      schema: this.#schema,
      vector: this.#sql(vector),
      k,
      filter,
      question: storable(question),
      textSearch: this.#textSearch,
    })
    const rows = await this.#database.transaction('the search for words', (client) => run(client, statement), {
      signal,
    })
    return rows.map((row) => ({ ...toHit(row), textScore: row.textScore! }))
  }

  async upsert(document: StoredDocument): Promise<void> {
    await this.upsertAll([document])
  }

  /**
   * Puts many documents in, about a thousand passages in a transaction: much faster than one by one. When it fails, the documents of the
   * transactions before are in.
   * @returns the number of passages
   * @throws as `upsert`, and AbortedError
   */
  async upsertAll(
    documents: Iterable<StoredDocument> | AsyncIterable<StoredDocument>,
    { signal, onProgress }: UpsertOptions = {},
  ): Promise<number> {
    const target = { schema: this.#schema, copyFrom: this.#database.packages.copyFrom }
    let done = 0
    for await (const lot of lots(documents)) {
      for (const document of lot) checkDocument(document, this.dimension)
      await this.#database.transaction('the upsert', (client) => putDocuments(client, lot, target), { signal })
      done += lot.reduce((sum, { passages }) => sum + passages.length, 0)
      onProgress?.(done)
    }
    return done
  }

  async delete(ids: readonly string[]): Promise<void> {
    const possible = ids.filter(isStorable)
    if (possible.length === 0) return
    await this.#database.transaction('the deletion', (client) =>
      client.query(`DELETE FROM ${this.#schema}.documents WHERE id = ANY ($1::text[])`, [possible]),
    )
  }

  async *documents(): AsyncGenerator<DocumentStamp> {
    let after = '0'
    for (;;) {
      const rows = await this.#database.transaction('listing the documents', async (client) => {
        const statement = `SELECT key, id, hash FROM ${this.#schema}.documents WHERE key > $1 ORDER BY key LIMIT ${PAGE}`
        return (await client.query<DocumentStamp & { readonly key: string }>(statement, [after])).rows
      })
      for (const { id, hash } of rows) yield { id, hash }
      if (rows.length < PAGE) return
      after = rows[rows.length - 1].key
    }
  }

  /**
   * Builds the HNSW index anew; from then on searches are approximate and fast. Best after the loading: an index that is there makes loading
   * slow. Nobody can write meanwhile. Malkov and Yashunin 2018, https://arxiv.org/abs/1603.09320.
   * @throws InputError for a wrong option, or vectors of more than 2000 elements
   */
  async buildHnsw({ m = 16, efConstruction = 64, memory, signal }: HnswOptions = {}): Promise<void> {
    checkWhole('m', m, 2, 100)
    checkWhole('efConstruction', efConstruction, Math.max(4, 2 * m), 1000)
    checkWhole('memory', memory, 1, 2_000_000)
    checkWhole('the dimension', this.dimension, 1, MOST_HNSW)
    const statement = `CREATE INDEX passages_vector ON ${this.#schema}.passages
      USING hnsw (vector vector_ip_ops) WITH (m = ${m}, ef_construction = ${efConstruction})`
    await this.#database.transaction(
      'the building of the index',
      async (client) => {
        await client.query('SET LOCAL statement_timeout = 0')
        if (memory !== undefined) await client.query(`SET LOCAL maintenance_work_mem = '${memory}MB'`)
        await client.query(`DROP INDEX IF EXISTS ${this.#schema}.passages_vector`)
        await client.query(statement)
      },
      { signal },
    )
  }

  /** Searches are exact again. */
  async dropHnsw(): Promise<void> {
    await this.#database.transaction('the removal of the index', (client) =>
      client.query(`DROP INDEX IF EXISTS ${this.#schema}.passages_vector`),
    )
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  #sql(vector: Float32Array): string {
    return this.#database.packages.toSql([...vector])
  }

  async #hasHnsw(client: PoolClient): Promise<boolean> {
    const statement = 'SELECT to_regclass($1) IS NOT NULL AS there'
    const { rows } = await client.query<{ there: boolean }>(statement, [`${this.#schema}.passages_vector`])
    return rows[0].there
  }
}

async function readSettings(client: PoolClient, schema: string): Promise<Settings | undefined> {
  const statement = `SELECT value FROM ${quotedName(schema)}.settings WHERE name = 'store'`
  const { rows } = await client.query<{ value: Settings }>(statement)
  return rows[0]?.value
}

async function run<R extends PassageRow = FoundRow>(client: PoolClient, { text, values }: Statement): Promise<R[]> {
  return (await client.query<R>(text, [...values])).rows
}

/** @throws PostgresError for places that another program wrote wrongly */
function toPassage({ id, title, text, source, metadata }: PassageRow): Passage {
  const wrong = wrongSource(source, text)
  if (wrong !== undefined) {
    throw new PostgresError('wrong-places', `passage ${JSON.stringify(id)}: ${wrong}; index its document again`)
  }
  return {
    id,
    title,
    text,
    source: (source as PassageSource | null) ?? undefined,
    metadata: metadata as Metadata,
  }
}

function toHit(row: FoundRow): RetrievedPassage {
  return { ...toPassage(row), score: row.score }
}

/** @throws InputError unless a value is undefined or a whole number in these bounds */
function checkWhole(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return
  throw new InputError('bad-option', `${name} is ${value}, expected a whole number from ${least} to ${most}`)
}
