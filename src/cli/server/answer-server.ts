/**
 * The server of `glassformer serve`: the API under /api/, the explorer's page everywhere else. Whatever goes wrong with a request is that
 * request's answer and nothing more.
 */
import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { GlassformerError } from '../../errors.js'
import { listen, type Pages } from '../explorer-server.js'
import { answerPreflight, checkHost, checkOrigin, isPreflight } from './access.js'
import type { Answers } from './answers.js'
import { AskApi, type AskLimits } from './ask-api.js'
import { HttpError, sendError } from './http-error.js'
import type { ServedPassages } from './served-passages.js'

export interface ServerLimits extends AskLimits {
  /** Longest time in which a request has to arrive. */
  readonly receiveSeconds: number
  /** Most connections at a time; further ones are closed. */
  readonly connections: number
}

export const DEFAULT_LIMITS: ServerLimits = {
  bodyBytes: 64 * 1024,
  questionCharacters: 4000,
  waiting: 16,
  seconds: 60,
  receiveSeconds: 15,
  connections: 256,
}

export interface AnswerServerOptions {
  readonly answers: Answers
  readonly passages: ServedPassages
  /** Answers what is outside of /api/. */
  readonly pages: Pages
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** Origins such as `https://example.org` whose pages may ask. */
  readonly allowedOrigins: readonly string[]
  readonly limits: ServerLimits
  /** Given the errors that nobody threw on purpose, of which clients are told nothing. */
  readonly onDefect: (error: unknown) => void
}

export interface AnswerServer {
  readonly address: string
  /** Takes no further requests, finishes those that it has, and ends. */
  drain(): Promise<void>
  /** Takes no further requests, ends those that it has, each with an error, and ends. */
  stop(): Promise<void>
}

/** Milliseconds in which the last answers have to be on their way when the server is stopped. */
const STOPPING = 100

/** @throws GlassformerError when the host is not of this machine or the port cannot be had */
export async function startAnswerServer(options: AnswerServerOptions): Promise<AnswerServer> {
  const { pages, host, limits, allowedOrigins, onDefect } = options
  const api = new AskApi(options.answers, options.passages, limits)
  let draining = false
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (draining) throw new HttpError(503, 'shutting-down', 'the server is shutting down', { Connection: 'close' })
    checkHost(request, host)
    const url = addressOf(request)
    if (!url.pathname.startsWith('/api/')) return pages(request, response)
    checkOrigin(request, response, allowedOrigins)
    if (isPreflight(request)) return answerPreflight(response)
    await api.handle(request, response, url)
  }
  const server = createServer({ connectionsCheckingInterval: 1000 }, (request, response) => {
    response.once('close', () => draining && server.closeIdleConnections())
    answer(request, response).catch((error: unknown) => {
      if (!(error instanceof GlassformerError)) onDefect(error)
      request.resume() // what is left of the body is thrown away, so that the client gets to read the answer
      sendError(response, error)
    })
  })
  server.headersTimeout = server.requestTimeout = limits.receiveSeconds * 1000
  server.timeout = (limits.seconds + limits.receiveSeconds) * 1000 // for clients that do not read
  server.maxConnections = limits.connections
  server.on('clientError', refuseConnection)
  const ended = new Promise<void>((resolve) => server.once('close', resolve))
  const end = async (milliseconds: number) => {
    draining = true
    server.close()
    server.closeIdleConnections()
    const atLast = setTimeout(() => server.closeAllConnections(), milliseconds)
    await ended
    clearTimeout(atLast)
  }
  return {
    address: await listen(server, options.port, host),
    drain: () => end(server.timeout),
    stop: () => {
      api.stop()
      return end(STOPPING)
    },
  }
}

function addressOf({ url = '/' }: IncomingMessage): URL {
  if (url.startsWith('/') && URL.canParse(url, 'http://localhost')) return new URL(url, 'http://localhost')
  throw new HttpError(400, 'bad-address', 'the address of the request cannot be read')
}

/** Answers what is no HTTP request, or does not come to its end. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const [status, code, message] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'too-slow', 'the request did not arrive in time']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'too-large', 'the head of the request is too large']
        : [400, 'not-http', 'this is not an HTTP request']
  const body = `${JSON.stringify({ code, message })}\n`
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`
  socket.end(head + body)
}
