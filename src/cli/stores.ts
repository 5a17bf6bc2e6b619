/**
 * The stores of the command line: a file, or a schema in PostgreSQL. The part that speaks with PostgreSQL loads only when it is asked for.
 */
import { FlatFileStore, type FlatFileWriteOptions, type Store } from '../rag/index.js'
import { UsageError, type Arguments, type OptionSpec } from './arguments.js'

/** The schema of a store in PostgreSQL, unless told. */
const DEFAULT_SCHEMA = 'glassformer'

/** For commands that take a store in PostgreSQL. */
export const postgresOptions: Readonly<Record<string, OptionSpec>> = {
  store: {
    type: 'string',
    value: 'URL',
    help: 'a store in PostgreSQL: postgres://user@host/database; the password is better in PGPASSWORD or ~/.pgpass',
  },
  schema: {
    type: 'string',
    value: 'NAME',
    help: `with --store: the schema of its tables (default: ${DEFAULT_SCHEMA})`,
  },
}

/** Where a command was told to write. */
export interface StoreTarget {
  /** For people. */
  readonly name: string
  /** What kind of vectors it keeps. */
  readonly dtype: string
  readonly store: Store
  /** Closes it without what was written, where that is possible. */
  discard(): Promise<void>
  /** Closes it, unless it is closed; what is written is there the next time. */
  suspend(): Promise<void>
}

/** A store in PostgreSQL, as people call it: nothing of the database's address. */
export function postgresName(schema = DEFAULT_SCHEMA): string {
  return `PostgreSQL, schema ${schema}`
}

/** @throws UsageError for a URL that is not PostgreSQL's */
export function postgresUrl({ store, schema }: Arguments['options']): { url: string; schema?: string } | undefined {
  if (store === undefined && schema !== undefined) throw new UsageError('--schema is for --store')
  if (typeof store !== 'string') return undefined
  if (!/^postgres(ql)?:\/\//.test(store)) throw new UsageError('--store is not a URL that begins with postgres://')
  return { url: store, schema: typeof schema === 'string' ? schema : undefined }
}

/** The store that --index or --store names. */
export async function openStore(options: Arguments['options']): Promise<Store | undefined> {
  const postgres = postgresUrl(options)
  if (postgres) {
    const { PostgresStore } = await import('../rag/stores/postgres/index.js')
    return PostgresStore.open(postgres.url, { schema: postgres.schema })
  }
  return typeof options.index === 'string' ? FlatFileStore.open(options.index) : undefined
}

/** The store that --out or --store names. */
export async function openTarget(options: Arguments['options'], write: FlatFileWriteOptions): Promise<StoreTarget> {
  const postgres = postgresUrl(options)
  if (!postgres) {
    const store = await FlatFileStore.openForWriting(String(options.out), write)
    return {
      name: String(options.out),
      dtype: store.dtype,
      store,
      discard: () => store.discard(),
      suspend: () => store.suspend(),
    }
  }
  const { PostgresStore } = await import('../rag/stores/postgres/index.js')
  const { url, schema } = postgres
  const store = await PostgresStore.openForWriting(url, { ...write, schema })
  const close = () => store.close()
  return {
    name: postgresName(schema),
    dtype: 'float32',
    store,
    discard: close,
    suspend: close,
  }
}
