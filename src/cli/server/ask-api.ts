/**
 * The HTTP API of `glassformer serve`. `POST /api/ask` takes `{ question, topK?, mode?, filter?, sources?, minProbability? }` and gives the answer
 * that `Rag.ask` gives, as JSON, or as a stream of events where `Accept: text/event-stream` or `?stream` asks for it: its `kind` (said, quoted or
 * refused), its `probability` of being right, and in `quotes.spans` what could be quoted, each with its place in the file as `source`. `POST /api/search` takes
 * `{ question, topK?, filter? }` and gives the passages that an answer would be read from, with rank and score of every stage.
 * `GET /api/passages/ID` gives one passage. `GET /api/health` tells what answers and how busy it is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AbortedError } from '../../errors.js'
import { citation, withPlaces } from '../citation.js'
import { countPassages, findPassage, type Pipeline } from '../pipeline.js'
import { AskQueue } from './ask-queue.js'
import { parseAsk, readBody, type AskFields, type AskRequest } from './ask-request.js'
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

const PASSAGES = '/api/passages/'

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
        const stream = searchParams.has('stream') || (request.headers.accept ?? '').includes(EventStream.type)
        const events = stream ? new EventStream(response) : undefined
        const asked = await this.#read(request, this.#pipeline.kind)
        return this.#inTurn(response, (signal) => this.#answer(asked, signal, events), events)
      }
      case '/api/search': {
        requireMethod(request, 'POST')
        const asked = await this.#read(request, 'search')
        return this.#inTurn(response, (signal) => this.#search(asked, signal))
      }
      default:
        throw new HttpError(
          404,
          'no-such-address',
          'there is no such address; there are /api/ask, /api/search, /api/passages/ID and /api/health',
        )
    }
  }

  async #read(request: IncomingMessage, fields: AskFields): Promise<AskRequest> {
    return parseAsk(await readBody(request, this.#limits.bodyBytes), fields)
  }

  /** Computes when it is the question's turn, and sends what comes of it. */
  #inTurn(
    response: ServerResponse,
    compute: (signal: AbortSignal) => Promise<object>,
    events?: EventStream,
  ): Promise<void> {
    return this.#limited(response, async (signal) => {
      const { ahead } = this.#queue
      const computing = this.#queue.run(() => {
        events?.send('started', {})
        return compute(signal)
      }, signal)
      events?.send('accepted', { ahead })
      const result = await computing
      if (events) events.end('answer', result)
      else sendJson(response, 200, result)
    })
  }

  /** Runs for as long as the time limit lets it and the client waits. @throws HttpError 504, and what it throws itself */
  async #limited(response: ServerResponse, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { seconds } = this.#limits
    const controller = new AbortController()
    const { signal } = controller
    const late = new HttpError(504, 'too-slow', `there is no answer after ${seconds} seconds`)
    const timer = setTimeout(() => controller.abort(late), seconds * 1000)
    response.once('close', () => controller.abort()) // the answer is there, or nobody waits for it any more
    try {
      await run(signal)
    } catch (error) {
      throw error instanceof AbortedError && signal.reason === late ? late : error
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * The text of a decoder-only model is the answer's; what an encoder-decoder writes first is what the best passage alone answers, and in the
   * end another answer may be given, or a quote.
   */
  async #answer(asked: AskRequest, signal: AbortSignal, events: EventStream | undefined): Promise<object> {
    const pipeline = this.#pipeline
    const { question, topK, filter, mode, sources, minProbability = pipeline.minProbability } = asked
    const onText = (event: string) => events && ((text: string) => events.send(event, { text }))
    const common = { topK, filter, minProbability, signal }
    if (pipeline.kind === 'prompt') return pipeline.rag.ask(question, { ...common, cite: true, onText: onText('text') })
    return withPlaces(
      pipeline.kind === 'quoting'
        ? await pipeline.rag.ask(question, common)
        : await pipeline.rag.ask(question, { ...common, mode, sources, onText: onText('draft') }),
    )
  }

  async #search({ question, topK, filter }: AskRequest, signal: AbortSignal): Promise<object> {
    const { rag, stages } = this.#pipeline
    const passages = await rag.retrieve(question, { topK, filter, signal })
    return { question, stages, passages: passages.map((passage) => ({ ...passage, citation: citation(passage) })) }
  }

  /** No turn: a passage is read from where it lies, and nothing is computed. */
  #passage(response: ServerResponse, encoded: string): Promise<void> {
    const id = decoded(encoded)
    return this.#limited(response, async (signal) => {
      const passage = await findPassage(this.#pipeline, id, { signal })
      if (!passage)
        throw new HttpError(404, 'no-such-passage', `there is no passage ${JSON.stringify(id.slice(0, 200))}`)
      sendJson(response, 200, { ...passage, citation: citation(passage) })
    })
  }

  async #health(): Promise<object> {
    const { kind, rag, corpus, stages } = this.#pipeline
    const reader = { prompt: 'decoder', quoting: 'encoder', mixing: 'encoder-decoder' }[kind]
    const passages = await countPassages(this.#pipeline)
    return { status: 'ok', reader, encoder: rag.encoder.name, corpus, passages, stages, questions: this.#queue.ahead }
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
