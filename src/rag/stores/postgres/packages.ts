/**
 * The packages that speak with PostgreSQL: optional peers, installed by those who have one and loaded when a store is opened.
 */
import type { Client, Pool } from 'pg'
import type { CopyStreamQuery } from 'pg-copy-streams'
import { PostgresError } from './postgres-error.js'

export interface Packages {
  readonly Client: typeof Client
  readonly Pool: typeof Pool
  /** A `COPY … FROM STDIN` that is written to. */
  readonly copyFrom: (statement: string) => CopyStreamQuery
  /** A vector as pgvector reads it. */
  readonly toSql: (vector: number[]) => string
}

/** @throws PostgresError with the line that installs them */
export async function loadPackages(): Promise<Packages> {
  try {
    const [pg, copyStreams, pgvector] = await Promise.all([
      import('pg'),
      import('pg-copy-streams'),
      import('pgvector/pg') as Promise<{ readonly toSql: (vector: number[]) => string }>,
    ])
    const { Client, Pool } = pg.default
    return { Client, Pool, copyFrom: copyStreams.from, toSql: pgvector.toSql }
  } catch (error) {
    throw new PostgresError(
      'packages-missing',
      `a store in PostgreSQL needs packages that cannot be loaded; install them: npm install pg pg-copy-streams pgvector (${(error as Error).message.split('\n')[0]})`,
      { cause: error },
    )
  }
}
