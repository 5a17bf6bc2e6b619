export type { ConnectionOptions } from './database.js'
export { PostgresError } from './postgres-error.js'
export {
  PostgresStore,
  type HnswOptions,
  type PostgresOptions,
  type PostgresSearchOptions,
  type PostgresWriteOptions,
} from './postgres-store.js'
