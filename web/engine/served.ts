/**
 * The documents of the server that the page came from, where that is `glassformer serve` with an index or a store. The server finds the
 * passages, by all the stages that it was told; the page reads them.
 */
import { AbortedError, FileError, GlassformerError } from '../../src/errors.js'
import { JsonObject, type Json } from '../../src/files/json.js'
import type { RankedPassage, SearchStage, Served } from '../protocol.js'

/** Beside the folder that the page's programs lie in. */
const API: URL = new URL('../api/', import.meta.url)

const STAGES = ['dot', 'text', 'rrf', 'reranker'] as const

export interface ServedPassages {
  readonly stages: readonly SearchStage[]
  /** Best first. */
  readonly passages: readonly RankedPassage[]
}

/** Whether the page came from such a server: it says so in the page itself, so that no other is asked in vain. */
export function isServed(): boolean {
  return document.querySelector('meta[name="glassformer-api"]') !== null
}

/** What the server answers from. @throws GlassformerError as it came from the server, ConfigError, FileError */
export async function describeServed(): Promise<Served> {
  const json = await ask('health')
  return { corpus: json.string('corpus'), passages: json.number('passages') }
}

/** The k passages that the server finds. @throws as `describeServed`, and AbortedError */
export async function searchServed(question: string, topK: number, signal: AbortSignal): Promise<ServedPassages> {
  const json = await ask('search', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ question, topK }),
    signal,
  })
  return { stages: stagesOf(json), passages: objectsIn(json, 'passages').map(parsePassage) }
}

async function ask(path: string, init: RequestInit = {}): Promise<JsonObject> {
  const { href } = new URL(path, API)
  try {
    const response = await fetch(href, init)
    if (!response.headers.get('Content-Type')?.startsWith('application/json')) {
      const message = 'this page came from a server without documents of its own; "glassformer serve --index" has some'
      throw new GlassformerError('no-documents', message)
    }
    const json = JsonObject.parse(await response.text(), href)
    if (response.ok) return json
    throw new GlassformerError(json.string('code'), `the server says: ${json.string('message')}`)
  } catch (error) {
    if (init.signal?.aborted) throw new AbortedError('the search', init.signal.reason)
    if (error instanceof GlassformerError) throw error
    throw new FileError('http-error', 'the server that has the documents does not answer; is it still running?', {
      cause: error,
    })
  }
}

function parsePassage(json: JsonObject): RankedPassage {
  const [scores, ranks] = ['scores', 'ranks'].map((key) => (json.has(key) ? byStage(json.object(key)) : undefined))
  return {
    id: json.string('id'),
    title: json.string('title'),
    text: json.string('text'),
    citation: json.string('citation'),
    score: json.number('score'),
    scores,
    ranks,
  }
}

/** The numbers of the stages that have one. */
function byStage(json: JsonObject): Partial<Record<(typeof STAGES)[number], number>> {
  return Object.fromEntries(STAGES.filter((name) => json.has(name)).map((name) => [name, json.number(name)]))
}

function stagesOf(json: JsonObject): SearchStage[] {
  return objectsIn(json, 'stages').map((stage) => ({
    name: stage.oneOf('name', STAGES),
    method: stage.string('method'),
  }))
}

function objectsIn(json: JsonObject, key: string): JsonObject[] {
  const list: Json | undefined = json.get(key)
  if (Array.isArray(list)) return list.map((entry, i) => new JsonObject(entry, `${json.where}: ${key}, entry ${i + 1}`))
  throw new GlassformerError('bad-answer', `${json.where}: "${key}" is no list`)
}
