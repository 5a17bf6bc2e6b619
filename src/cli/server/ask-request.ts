/**
 * What a client sends to /api/ask and /api/search: a JSON object of limited size. Everything in it is checked before it is waited for or computed.
 */
import type { IncomingMessage } from 'node:http'
import { AbortedError, ConfigError } from '../../errors.js'
import { JsonObject } from '../../files/json.js'
import type { Filter, RagMode } from '../../rag/index.js'
import { MODES } from '../ask.js'
import { HttpError } from './http-error.js'

export interface AskRequest {
  readonly question: string
  readonly topK?: number
  readonly mode?: RagMode
  readonly filter?: Filter
  readonly sources?: boolean
  readonly minProbability?: number
}

/** More passages than this would be read for minutes. */
const MOST_PASSAGES = 50

/** What there is to tell a search, and an answer of each kind of reader. */
const SEARCH = ['question', 'topK', 'filter']
const ANSWER = [...SEARCH, 'minProbability']
const FIELDS = { search: SEARCH, prompt: ANSWER, quoting: ANSWER, mixing: [...ANSWER, 'mode', 'sources'] }
export type AskFields = keyof typeof FIELDS

/** @throws HttpError for a body that is not JSON in UTF-8 or is too large */
export async function readBody(request: IncomingMessage, mostBytes: number): Promise<string> {
  const type = request.headers['content-type']?.split(';')[0].trim().toLowerCase()
  if (type !== 'application/json') {
    throw new HttpError(415, 'not-json-type', `the Content-Type is ${type ?? 'missing'}, expected application/json`)
  }
  if (request.headers['content-encoding'] !== undefined) {
    throw new HttpError(415, 'encoded-body', 'the body has a Content-Encoding, send it as it is')
  }
  const tooLarge = () => new HttpError(413, 'too-large', `the body is larger than ${mostBytes} bytes`)
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw tooLarge()
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      size += piece.length
      if (size <= mostBytes) pieces.push(piece)
      else pieces.length = 0 // the rest is thrown away as it comes, so that the client gets to read the answer
    }
  } catch (error) {
    throw new AbortedError('the request', error) // the client has gone
  }
  if (size > mostBytes) throw tooLarge()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces))
  } catch {
    throw new HttpError(400, 'not-utf8', 'the body is not valid UTF-8 text')
  }
}

/** @throws HttpError 400 that names the field; for a question that is too long, with both lengths */
export function parseAsk(body: string, fields: AskFields, mostCharacters: number): AskRequest {
  try {
    const json = JsonObject.parse(body, 'the request')
    const unknown = json.keys().filter((key) => !FIELDS[fields].includes(key))
    if (unknown.length > 0) {
      const names = unknown.slice(0, 5).map((key) => JSON.stringify(key.slice(0, 40)))
      throw new HttpError(400, 'unknown-field', `unknown ${names.join(', ')}; known: ${FIELDS[fields].join(', ')}`)
    }
    const question = json.string('question')
    if (question.length > mostCharacters) {
      const message = `the question has ${question.length} characters, at most ${mostCharacters} are taken`
      throw new HttpError(400, 'too-long', message)
    }
    return {
      question,
      ...(json.has('topK') && { topK: json.integer('topK', { max: MOST_PASSAGES }) }),
      ...(json.has('mode') && { mode: json.oneOf('mode', MODES) }),
      ...(json.has('filter') && { filter: parseFilter(json.object('filter')) }),
      ...(json.has('minProbability') && { minProbability: json.probability('minProbability') }),
      ...(json.has('sources') && { sources: json.boolean('sources') }),
    }
  } catch (error) {
    if (error instanceof ConfigError) throw new HttpError(400, error.code, error.message)
    throw error
  }
}

/** Keys as they are; whether the values are right the store checks (`checkFilter`). */
function parseFilter(filter: JsonObject): Filter {
  return Object.fromEntries(filter.keys().map((key) => [key, filter.get(key)])) as Filter
}
