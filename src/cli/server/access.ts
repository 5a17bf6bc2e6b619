/**
 * Who may ask. On a loopback address the server answers only to loopback names, so that a page from elsewhere whose name was pointed here
 * (DNS rebinding) learns nothing. Pages of other origins are refused unless they are allowed by name: an origin is scheme, host and port.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { HttpError } from './http-error.js'

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|::1)$/i
const LOOPBACK_NAME = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

/** Whether only this computer reaches the address. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_HOST.test(host)
}

/** @throws HttpError when a server on a loopback address is asked under another name */
export function checkHost({ headers }: IncomingMessage, serverHost: string): void {
  if (!isLoopback(serverHost) || LOOPBACK_NAME.test(headers.host ?? '')) return
  throw new HttpError(403, 'host-refused', 'this server answers only to localhost; ask it under that name')
}

/**
 * Lets a page of an allowed origin read the answer. Requests that no page sends have no origin.
 * @throws HttpError for a page of another origin
 */
export function checkOrigin(request: IncomingMessage, response: ServerResponse, allowed: readonly string[]): void {
  const { origin, host } = request.headers
  response.setHeader('Vary', 'Origin')
  if (origin === undefined || isOriginOf(origin, host)) return
  if (!allowed.includes(origin)) {
    throw new HttpError(403, 'origin-refused', 'pages of this origin may not ask; --allow-origin names those that may')
  }
  response.setHeader('Access-Control-Allow-Origin', origin)
}

/** Whether an origin is that under which this server, which speaks plain HTTP, was asked. */
function isOriginOf(origin: string, host = ''): boolean {
  const own = `http://${host}`
  return URL.canParse(origin) && URL.canParse(own) && new URL(origin).origin === new URL(own).origin
}

/** What a browser asks before it lets a page of another origin send JSON (Fetch, "CORS-preflight request"). */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

export function answerPreflight(response: ServerResponse): void {
  response.writeHead(204, {
    'Access-Control-Allow-Methods': 'GET, POST',
    'Access-Control-Allow-Headers': 'Content-Type',
  })
  response.end()
}
