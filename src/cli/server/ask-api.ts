/**
 * The HTTP API of `glassformer serve`. `POST /api/ask` takes `{ question, topK?, mode?, filter?, sources?, minProbability? }` and gives the answer
 * that `Rag.ask` gives, as JSON, or as a stream of events where `Accept: text/event-stream` or `?stream` asks for it: its `kind` (said, quoted or
 * refused), its `probability` of being right, and in `quotes.spans` what could be quoted, each with its place in the file as `source`. `POST /api/search` takes
 * `{ question, topK?, filter? }` and gives the passages that an answer would be read from, with rank and score of every stage.
 * `GET /api/passages/ID` gives one passage. `GET /api/health` tells what answers and how busy it is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AbortedError } from '../../errors.js'
import { citation } from '../citation.js'
import type { Answers, Job } from './answers.js'
import { AskQueue } from './ask-queue.js'
import { parseAsk, readBody, type AskFields, type AskRequest } from './ask-request.js'
import { EventStream } from './event-stream.js'
import { HttpError, RETRY_SECONDS, sendJson, sendJsonText } from './http-error.js'
import type { ServedPassages } from './served-passages.js'

export interface AskLimits {
  /** Largest body of a request, in bytes. */
  readonly bodyBytes: number
  /** Longest question, in UTF-16 code units. What models read is bounded by themselves, in their tokens. */
  readonly questionCharacters: number
  /** Most questions that wait while one is answered. */
  readonly waiting: number
  /** Longest time from a question to its answer, the wait included, but not the time in which the models are loaded again. */
  readonly seconds: number
}

const PASSAGES = '/api/passages/'

export class AskApi {
  readonly #answers: Answers
  readonly #passages: ServedPassages
  readonly #limits: AskLimits
  readonly #queue: AskQueue
  /** Of the requests that are answered. */
  readonly #open = new Set<AbortController>()

  constructor(answers: Answers, passages: ServedPassages, limits: AskLimits) {
    this.#answers = answers
    this.#passages = passages
    this.#limits = limits
    this.#queue = new AskQueue(limits.waiting)
  }

  /** Answers a request whose address begins with /api/. @throws HttpError, and what `Rag.ask` throws */
  async handle(request: IncomingMessage, response: ServerResponse, { pathname, searchParams }: URL): Promise<void> {
    response.setHeader('Cache-Control', 'no-store')
    response.setHeader('X-Content-Type-Options', 'nosniff')
    if (pathname.startsWith(PASSAGES)) {
      requireMethod(request, 'GET')
      return this.#passage(response, pathname.slice(PASSAGES.length))
    }
    switch (pathname) {
      case '/api/health':
        requireMethod(request, 'GET')
        return sendJson(response, 200, await this.#health())
      case '/api/ask': {
        requireMethod(request, 'POST')
        const streams = searchParams.has('stream') || (request.headers.accept ?? '').includes(EventStream.type)
        const events = streams ? new EventStream(response) : undefined
        const asked = await this.#read(request, this.#answers.facts.kind)
        return this.#inTurn(response, { kind: 'answer', asked, streams }, events)
      }
      case '/api/search': {
        requireMethod(request, 'POST')
        const asked = await this.#read(request, 'search')
        return this.#inTurn(response, { kind: 'search', asked, streams: false })
      }
      default:
        throw new HttpError(
          404,
          'no-such-address',
          'there is no such address; there are /api/ask, /api/search, /api/passages/ID and /api/health',
        )
    }
  }

  /** Ends what is computed and waited for. Each request is told so. */
  stop(): void {
    const message = 'the server is shutting down; ask again when it is back'
    const headers = { 'Retry-After': String(RETRY_SECONDS), Connection: 'close' }
    for (const controller of this.#open) controller.abort(new HttpError(503, 'shutting-down', message, headers))
  }

  async #read(request: IncomingMessage, fields: AskFields): Promise<AskRequest> {
    const { bodyBytes, questionCharacters } = this.#limits
    return parseAsk(await readBody(request, bodyBytes), fields, questionCharacters)
  }

  /** Computes when it is the question's turn, and sends what comes of it. */
  #inTurn(response: ServerResponse, job: Job, events?: EventStream): Promise<void> {
    const textEvent = this.#answers.facts.kind === 'prompt' ? 'text' : 'draft'
    return this.#limited(response, async (signal) => {
      const { ahead } = this.#queue
      const computing = this.#queue.run(() => {
        events?.send('started', {})
        return this.#answers.run(job, { signal, onText: (text) => events?.send(textEvent, { text }) })
      }, signal)
      events?.send('accepted', { ahead })
      const json = await computing
      if (events) events.end('answer', json)
      else sendJsonText(response, 200, json)
    })
  }

  /**
   * Runs for as long as the time limit lets it and the client waits. Then the request is answered at once; what was computed for it may take
   * a moment to end, and until then it is nobody else's turn.
   * @throws HttpError 504, and what it throws itself
   */
  async #limited(response: ServerResponse, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController()
    const { signal } = controller
    const ended = () => (signal.reason instanceof HttpError ? signal.reason : new AbortedError('the question'))
    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(ended())))
    const stopClock = this.#startClock(controller)
    this.#open.add(controller)
    response.once('close', () => controller.abort()) // the answer is there, or nobody waits for it any more
    try {
      await Promise.race([aborted, run(signal)])
    } catch (error) {
      throw signal.aborted ? ended() : error
    } finally {
      stopClock()
      this.#open.delete(controller)
    }
  }

  /** Aborts when the time is over. While models are loaded the clock stands still. */
  #startClock(controller: AbortController): () => void {
    const { seconds } = this.#limits
    let counted = this.#answers.loadingMilliseconds
    const look = () => {
      const loading = this.#answers.loadingMilliseconds
      const more = loading - counted
      counted = loading
      if (more > 0) timer = setTimeout(look, more)
      else controller.abort(new HttpError(504, 'too-slow', `there is no answer after ${seconds} seconds`))
    }
    let timer = setTimeout(look, seconds * 1000)
    return () => clearTimeout(timer)
  }

  /** Not in the line of the questions: nothing is computed. */
  #passage(response: ServerResponse, encoded: string): Promise<void> {
    const id = decoded(encoded)
    return this.#limited(response, async (signal) => {
      const passage = await this.#passages.find(id, signal)
      if (!passage)
        throw new HttpError(404, 'no-such-passage', `there is no passage ${JSON.stringify(id.slice(0, 200))}`)
      sendJson(response, 200, { ...passage, citation: citation(passage) })
    })
  }

  async #health(): Promise<object> {
    const { facts, status } = this.#answers
    const { kind, encoder, corpus, stages } = facts
    const reader = { prompt: 'decoder', quoting: 'encoder', mixing: 'encoder-decoder' }[kind]
    const passages = await this.#passages.size()
    return { status, reader, encoder, corpus, passages, stages, questions: this.#queue.ahead }
  }
}

/** HEAD is GET without the body, which node:http leaves out. */
function requireMethod({ method }: IncomingMessage, wanted: 'GET' | 'POST'): void {
  if (method === wanted || (method === 'HEAD' && wanted === 'GET')) return
  throw new HttpError(405, 'wrong-method', `${method} is not answered here, ${wanted} is`, { Allow: wanted })
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new HttpError(400, 'bad-address', 'the id in the address is not percent-encoded UTF-8')
  }
}
