/**
 * The tables of a store, as the steps that lead to them. A step is never changed once it is published: what comes later is another step,
 * and the table `migrations` says which have been taken. The whole way is one transaction.
 */
import type { PoolClient } from 'pg'
import { InputError } from '../../../errors.js'
import { PostgresError } from './postgres-error.js'
import { quotedName } from './storable.js'

/** What the tables are made for; it cannot change afterwards. */
export interface TableOptions {
  /** Schema that holds the tables; `glassformer` unless told. */
  readonly schema: string
  /** Length of a vector. */
  readonly dimension: number
  /** Text search configuration of the database, such as `english` or `simple`, by which words are found. */
  readonly textSearch: string
  /** Parts of the table of passages, by hash of the document; 1 is one table. */
  readonly partitions: number
}

interface Step {
  readonly what: string
  /** @param options with `textSearch` as a literal, in its quotes */
  readonly statements: (options: TableOptions) => readonly string[]
}

/** Characters of a passage whose words are found: a tsvector has at most 1 MB. */
const SEARCHED_CHARACTERS = 100_000
/** Elements up to which a vector stays in the row, where an exact search reads it fastest; a row has to fit into 8 kB. */
const LONGEST_INLINE = 1536

const STEPS: readonly Step[] = [
  {
    what: 'documents and passages',
    statements: ({ schema, dimension, textSearch, partitions }) => {
      const s = quotedName(schema)
      const parts = Array.from({ length: partitions > 1 ? partitions : 0 }, (_, i) => i)
      const words = `to_tsvector(${textSearch}::regconfig, left(title || ' ' || text, ${SEARCHED_CHARACTERS}))`
      return [
        `CREATE TABLE ${s}.settings (name text PRIMARY KEY, value jsonb NOT NULL)`,
        `CREATE TABLE ${s}.documents (
          key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          id text NOT NULL UNIQUE,
          hash text NOT NULL,
          metadata jsonb NOT NULL
        )`,
        `CREATE INDEX documents_metadata ON ${s}.documents USING gin (metadata jsonb_path_ops)`,
        `CREATE TABLE ${s}.passages (
          document bigint NOT NULL REFERENCES ${s}.documents (key) ON DELETE CASCADE,
          position integer NOT NULL,
          id text NOT NULL,
          title text NOT NULL,
          text text NOT NULL,
          source json,
          vector vector(${dimension}) NOT NULL,
          words tsvector GENERATED ALWAYS AS (${words}) STORED,
          PRIMARY KEY (document, position)
        )${partitions > 1 ? ' PARTITION BY HASH (document)' : ''}`,
        ...(dimension <= LONGEST_INLINE ? [`ALTER TABLE ${s}.passages ALTER COLUMN vector SET STORAGE PLAIN`] : []),
        ...parts.map(
          (i) =>
            `CREATE TABLE ${s}.passages_${i} PARTITION OF ${s}.passages FOR VALUES WITH (MODULUS ${partitions}, REMAINDER ${i})`,
        ),
        `CREATE INDEX passages_words ON ${s}.passages USING gin (words)`,
      ]
    },
  },
  {
    what: 'passages by id', // by hash: an id may be too long for a B-tree
    statements: ({ schema }) => [`CREATE INDEX passages_id ON ${quotedName(schema)}.passages USING hash (id)`],
  },
]

/** The oldest pgvector that goes on searching until a filtered search has found enough. */
const OLDEST_PGVECTOR = [0, 8] as const

/** How many steps a schema has behind it; 0 where there are no tables. @throws PostgresError when it is of a newer glassformer */
export async function stepsTaken(client: PoolClient, schema: string): Promise<number> {
  const table = `${quotedName(schema)}.migrations`
  const { rows: found } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table])
  if (!found[0].there) return 0
  const { rows } = await client.query<{ steps: number }>(`SELECT coalesce(max(step), 0)::int AS steps FROM ${table}`)
  const [{ steps }] = rows
  if (steps <= STEPS.length) return steps
  throw new PostgresError(
    'newer-schema',
    `schema ${schema}: its tables are of step ${steps}, this glassformer knows ${STEPS.length}; install a newer one`,
  )
}

/** Takes the steps that are not taken yet; others who do the same wait. Called in a transaction. */
export async function migrate(client: PoolClient, options: TableOptions): Promise<void> {
  const { schema } = options
  checkTableOptions(options)
  if ((await stepsTaken(client, schema)) === STEPS.length) return
  const s = quotedName(schema)
  await client.query('SET LOCAL statement_timeout = 0')
  await client.query("SELECT pg_advisory_xact_lock(hashtext('glassformer'))")
  await requireVector(client)
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${s}`)
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${s}.migrations (step integer PRIMARY KEY, what text NOT NULL, taken timestamptz NOT NULL DEFAULT now())`,
  )
  const taken = await stepsTaken(client, schema)
  for (const [i, { what, statements }] of STEPS.entries()) {
    if (i < taken) continue
    for (const statement of statements({ ...options, textSearch: client.escapeLiteral(options.textSearch) }))
      await client.query(statement)
    await client.query(`INSERT INTO ${s}.migrations (step, what) VALUES ($1, $2)`, [i + 1, what])
  }
}

async function requireVector(client: PoolClient): Promise<void> {
  const { rows: offered } = await client.query<{ version: string }>(
    "SELECT coalesce(installed_version, default_version) AS version FROM pg_available_extensions WHERE name = 'vector'",
  )
  if (offered.length === 0) {
    throw new PostgresError(
      'no-pgvector',
      'the database has no pgvector; install it on the server (Debian: apt-get install postgresql-17-pgvector, for version 17)',
    )
  }
  const [{ version }] = offered
  const [major, minor] = version.split('.').map(Number)
  if (major < OLDEST_PGVECTOR[0] || (major === OLDEST_PGVECTOR[0] && minor < OLDEST_PGVECTOR[1])) {
    throw new PostgresError(
      'old-pgvector',
      `the database has pgvector ${version}, needed is ${OLDEST_PGVECTOR.join('.')} or newer; ALTER EXTENSION vector UPDATE after installing it`,
    )
  }
  await client.query('CREATE EXTENSION IF NOT EXISTS vector')
}

function checkTableOptions({ dimension, partitions }: TableOptions): void {
  for (const [name, value, most] of [
    ['dimension', dimension, 16_000],
    ['partitions', partitions, 1024],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= 1 && value <= most) continue
    throw new InputError(
      'bad-option',
      `a store in PostgreSQL: ${name} is ${value}, expected a whole number from 1 to ${most}`,
    )
  }
}
