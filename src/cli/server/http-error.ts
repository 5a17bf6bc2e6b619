/**
 * Errors on their way to a client: each has a status, and goes out as `{ code, message }`.
 */
import type { ServerResponse } from 'node:http'
import { GlassformerError, InputError } from '../../errors.js'
import { PostgresError } from '../../rag/stores/postgres/postgres-error.js'
import { EventStream } from './event-stream.js'

/** When to come again, where it may be better then. */
export const RETRY_SECONDS = 5

/** A request that the server refuses or cannot serve. */
export class HttpError extends GlassformerError {
  readonly status: number
  /** Fields of the response's head that belong to the status, such as Retry-After. */
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(code, message)
    this.status = status
    this.headers = headers
  }
}

/** What a client is told of an error. Of a defect it learns no more than that there was one. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (error instanceof InputError) return new HttpError(400, error.code, error.message)
  if (error instanceof PostgresError) return databaseError(error)
  if (error instanceof GlassformerError) return new HttpError(500, error.code, error.message)
  return new HttpError(500, 'internal', 'a defect in the server; its own output has the details')
}

/** A database that is away or slow is no defect of the request, and may be well at the next one. */
function databaseError({ code, message }: PostgresError): HttpError {
  if (code === 'unreachable') return new HttpError(503, code, message, { 'Retry-After': String(RETRY_SECONDS) })
  return new HttpError(code === 'statement-timeout' ? 504 : 500, code, message)
}

/** Answers with an error; where events have been sent already, it is the last of them. */
export function sendError(response: ServerResponse, error: unknown): void {
  const { status, code, message, headers } = toHttpError(error)
  if (!response.headersSent) sendJson(response, status, { code, message }, headers)
  else if (response.getHeader('Content-Type') === EventStream.type) {
    new EventStream(response).end('error', JSON.stringify({ status, code, message }))
  } else response.destroy()
}

export function sendJson(
  response: ServerResponse,
  status: number,
  content: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJsonText(response, status, JSON.stringify(content), headers)
}

/** @param json on one line */
export function sendJsonText(
  response: ServerResponse,
  status: number,
  json: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = `${json}\n`
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}
