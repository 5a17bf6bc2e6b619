/**
 * The HTTP API of `glassformer serve`. `POST /api/ask` takes `{ question, topK?, mode?, filter?, sources? }` and gives the answer that
 * `Rag.ask` gives, as JSON, or as a stream of events where `Accept: text/event-stream` or `?stream` asks for it. `GET /api/health` tells
 * what answers and how busy it is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AbortedError } from '../../errors.js'
import { countPassages, type Pipeline } from '../pipeline.js'
import { AskQueue } from './ask-queue.js'
import { parseAsk, readBody, type AskRequest } from './ask-request.js'
import { EventStream } from './event-stream.js'
import { HttpError, sendJson } from './http-error.js'

export interface AskLimits {
  /** Largest body of a request, in bytes. */
  readonly bodyBytes: number
  /** Most questions that wait while one is answered. */
  readonly waiting: number
  /** Longest time from a question to its answer, the wait included. */
  readonly seconds: number
}

export class AskApi {
  readonly #pipeline: Pipeline
  readonly #limits: AskLimits
  readonly #queue: AskQueue

  constructor(pipeline: Pipeline, limits: AskLimits) {
    this.#pipeline = pipeline
    this.#limits = limits
    this.#queue = new AskQueue(limits.waiting)
  }

  /** Answers a request whose address begins with /api/. @throws HttpError, and what `Rag.ask` throws */
  async handle(request: IncomingMessage, response: ServerResponse, { pathname, searchParams }: URL): Promise<void> {
    response.setHeader('Cache-Control', 'no-store')
    response.setHeader('X-Content-Type-Options', 'nosniff')
    switch (pathname) {
      case '/api/health':
        requireMethod(request, 'GET')
        return sendJson(response, 200, await this.#health())
      case '/api/ask':
        requireMethod(request, 'POST')
        return this.#ask(
          request,
          response,
          searchParams.has('stream') || (request.headers.accept ?? '').includes(EventStream.type),
        )
      default:
        throw new HttpError(404, 'no-such-address', 'there is no such address; there are /api/ask and /api/health')
    }
  }

  async #ask(request: IncomingMessage, response: ServerResponse, stream: boolean): Promise<void> {
    const { bodyBytes, seconds } = this.#limits
    const asked = parseAsk(await readBody(request, bodyBytes), this.#pipeline.kind)
    const controller = new AbortController()
    const { signal } = controller
    const late = new HttpError(504, 'too-slow', `there is no answer after ${seconds} seconds`)
    const timer = setTimeout(() => controller.abort(late), seconds * 1000)
    response.once('close', () => controller.abort()) // the answer is there, or nobody waits for it any more
    const events = stream ? new EventStream(response) : undefined
    const { ahead } = this.#queue
    try {
      const answering = this.#queue.run(() => {
        events?.send('started', {})
        return this.#answer(asked, signal, events)
      }, signal)
      events?.send('accepted', { ahead })
      const answer = await answering
      if (events) events.end('answer', answer)
      else sendJson(response, 200, answer)
    } catch (error) {
      throw error instanceof AbortedError && signal.reason === late ? late : error
    } finally {
      clearTimeout(timer)
    }
  }

  /** The text of a decoder-only model is the answer's; what an encoder-decoder writes first is what the best passage alone answers. */
  #answer(asked: AskRequest, signal: AbortSignal, events: EventStream | undefined): Promise<object> {
    const { question, topK, filter, mode, sources } = asked
    const onText = (event: string) => events && ((text: string) => events.send(event, { text }))
    const { kind, rag } = this.#pipeline
    return kind === 'prompt'
      ? rag.ask(question, { topK, filter, cite: true, signal, onText: onText('text') })
      : rag.ask(question, { topK, filter, signal, mode, sources, onText: onText('draft') })
  }

  async #health(): Promise<object> {
    const { kind, rag } = this.#pipeline
    const reader = kind === 'prompt' ? 'decoder' : 'encoder-decoder'
    const passages = await countPassages(this.#pipeline)
    return { status: 'ok', reader, encoder: rag.encoder.name, passages, questions: this.#queue.ahead }
  }
}

function requireMethod({ method }: IncomingMessage, wanted: string): void {
  if (method === wanted) return
  throw new HttpError(405, 'wrong-method', `${method} is not answered here, ${wanted} is`, { Allow: wanted })
}
