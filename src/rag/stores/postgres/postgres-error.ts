/**
 * What can go wrong with a database, as errors of glassformer.
 */
import { GlassformerError } from '../../../errors.js'

/** A database that cannot be reached or used, or that refused a statement; the cause is what the server said. */
export class PostgresError extends GlassformerError {}

/** Of the server's five-letter codes, those after which the same may succeed: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const PASSING = new Set([
  '40001', // serialization failure
  '40P01', // deadlock
  '53300', // too many connections
  '57P01', // the backend was terminated
  '57P02', // the server crashed
  '57P03', // the server starts or stops
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT', // the server's Unix socket is gone while it restarts
  'EPIPE',
  'ETIMEDOUT',
])
/** Codes of connections that broke begin so. */
const CONNECTION = '08'
/** pg has no code for these. */
const BROKEN = /^(Connection terminated|Client has encountered a connection error|timeout e(xceeded|xpired))/

/** Whether another attempt, on another connection, may succeed. */
export function isPassing(error: unknown): boolean {
  const { code, message } = error as { readonly code?: string; readonly message?: string }
  if (code !== undefined) return PASSING.has(code) || (/^[0-9A-Z]{5}$/.test(code) && code.startsWith(CONNECTION))
  return BROKEN.test(message ?? '')
}

/** The error for the caller. */
export function explained(error: unknown, what: string): GlassformerError {
  if (error instanceof GlassformerError) return error
  const { code, message } = error as { readonly code?: string; readonly message: string }
  const said = code === undefined ? message : `${message} (${code})`
  if (isPassing(error) || code === 'ENOTFOUND') {
    return new PostgresError(
      'unreachable',
      `${what}: the database cannot be reached: ${said}; is it running, and is the address right?`,
      { cause: error },
    )
  }
  if (code === '57014') {
    return new PostgresError('statement-timeout', `${what}: ${said}; raise statementTimeout, or ask for less`, {
      cause: error,
    })
  }
  return new PostgresError('refused', `${what}: the database refused: ${said}`, { cause: error })
}
