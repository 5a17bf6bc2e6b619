/**
 * Connections to PostgreSQL: a pool of them with limits, transactions that are tried again on another connection when theirs breaks, and
 * statements that an AbortSignal cancels on the server. Whatever runs here must be free to run twice: a connection may break after
 * the server has committed and before it says so.
 */
import type { Pool, PoolClient } from 'pg'
import { AbortedError } from '../../../errors.js'
import { untilAborted } from '../../../event-loop.js'
import { loadPackages, type Packages } from './packages.js'
import { explained, isPassing } from './postgres-error.js'

export interface ConnectionOptions {
  /** Most connections at once; 10 unless told. */
  readonly maxConnections?: number
  /** Longest time of a statement on the server, in milliseconds; 60,000 unless told, 0 for no end. Building an index has none. */
  readonly statementTimeout?: number
  /** How long a connection that breaks is tried again, in milliseconds; 10,000 unless told. */
  readonly reconnectTimeout?: number
}

/** Pauses between attempts, in milliseconds: the first, and the longest that doubling leads to. */
const FIRST_PAUSE = 50
const LONGEST_PAUSE = 2000
/** How long the server has to stop a statement before nobody waits for it any more, and before its connection is cut; in milliseconds. */
const CANCEL_GRACE = 150
const CUT_AFTER = 5000

export class Database {
  readonly packages: Packages
  readonly #url: string
  readonly #pool: Pool
  readonly #reconnectTimeout: number
  #closed: Promise<void> | undefined

  private constructor(packages: Packages, url: string, options: ConnectionOptions) {
    const { maxConnections = 10, statementTimeout = 60_000, reconnectTimeout = 10_000 } = options
    this.packages = packages
    this.#url = url
    this.#reconnectTimeout = reconnectTimeout
    this.#pool = new packages.Pool({
      connectionString: url,
      max: maxConnections,
      statement_timeout: statementTimeout,
      connectionTimeoutMillis: 30_000, // also the wait for a connection that is in use
      application_name: 'glassformer',
      allowExitOnIdle: true,
    })
    // A connection that breaks while nobody uses it is replaced when one is needed; one in use rejects its statement.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => {}))
  }

  /** @throws PostgresError when pg is not installed; whether the database can be reached shows when it is first used */
  static async open(url: string, options: ConnectionOptions = {}): Promise<Database> {
    return new Database(await loadPackages(), url, options)
  }

  /**
   * Runs `action` in a transaction, which is committed when it is done and nothing at all when it fails.
   * @param what for errors: what is being done
   * @throws AbortedError, PostgresError
   */
  async transaction<T>(
    what: string,
    action: (client: PoolClient) => Promise<T>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const begun = performance.now()
    for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      if (signal?.aborted) throw new AbortedError(what, signal.reason)
      try {
        return await untilAborted(this.#attempt(action, signal), signal, what, { grace: CANCEL_GRACE })
      } catch (error) {
        if (signal?.aborted) throw new AbortedError(what, signal.reason)
        const left = this.#reconnectTimeout - (performance.now() - begun)
        if (!isPassing(error) || left < pause) throw explained(error, what)
        await wait(pause, signal)
      }
    }
  }

  /** Waits for what is running, and closes all connections. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#pool.end())
  }

  /** A connection on which something failed or was cancelled is not used again, which also ends its transaction. */
  async #attempt<T>(action: (client: PoolClient) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const client = await this.#pool.connect()
    let failed = true
    let cut: ReturnType<typeof setTimeout> | undefined
    const onAbort = () => {
      void this.#cancel(client).catch(() => {})
      cut = setTimeout(() => streamOf(client).destroy(), CUT_AFTER) // of a server that does not answer
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      signal?.throwIfAborted()
      await client.query('BEGIN')
      const result = await action(client)
      await client.query('COMMIT')
      failed = signal?.aborted ?? false // the request to cancel may still be on its way
      return result
    } finally {
      signal?.removeEventListener('abort', onAbort)
      clearTimeout(cut)
      client.release(failed)
    }
  }

  /** Asks the server to stop what a connection is running; its statement then fails. */
  async #cancel(client: PoolClient): Promise<void> {
    const other = new this.packages.Client({ connectionString: this.#url, connectionTimeoutMillis: 5000 })
    other.on('error', () => {})
    await other.connect()
    try {
      await other.query('SELECT pg_cancel_backend($1)', [
        (client as PoolClient & { readonly processID: number }).processID,
      ])
    } finally {
      await other.end()
    }
  }
}

/** What a connection goes over. */
function streamOf(client: PoolClient): { destroy(): void } {
  return (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }).connection.stream
}

/** Resolves after a time, or at once when the signal fires. */
function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal?.addEventListener('abort', done)
  })
}
