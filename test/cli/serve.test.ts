/**
 * `glassformer serve`: the server as its clients meet it, over HTTP. Most tests share one server in this process; the command itself, with
 * its signals, is another process.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Arguments } from '../../src/cli/arguments.js'
import { openPassages, openPipeline, type Pipeline } from '../../src/cli/pipeline.js'
import {
  DEFAULT_LIMITS,
  startAnswerServer,
  type AnswerServer,
  type AnswerServerOptions,
} from '../../src/cli/server/answer-server.js'
import { startAnswerWorker } from '../../src/cli/server/answer-thread.js'
import { Answering } from '../../src/cli/server/answering.js'
import { ServedPassages } from '../../src/cli/server/served-passages.js'
import { processTerminal } from '../../src/cli/terminal.js'
import type { Answer, PromptAnswer, RetrievedPassage } from '../../src/rag/index.js'
import { runCli, serveCli } from '../support/cli.js'
import { eventsOf, raw as sendRaw, until } from '../support/http.js'
import { byteTokenizer, CHATML, writeSmallFolder } from '../support/small-tokenizers.js'

const QUESTION = 'What is the capital of Arlen?'
const folder = mkdtempSync(join(tmpdir(), 'glassformer-serve-'))
const index = join(folder, 'notes.index')
const defects: unknown[] = []
let pipeline: Pipeline
let answers: Answering
let passages: ServedPassages
let server: AnswerServer

beforeAll(async () => {
  writeFileSync(join(folder, 'arlen.md'), '# Arlen\n\nArlen is a country in Europe.\nIts capital is Brask.\n')
  writeFileSync(join(folder, 'tea.txt'), 'Tea is a drink. It is made of leaves.\n')
  const ran = await runCli(['index', join(folder, 'arlen.md'), join(folder, 'tea.txt'), '--out', index])
  expect(ran.code, ran.stderr).toBe(0)
  pipeline = await openPipeline({ index }, processTerminal(new AbortController().signal))
  answers = await answering({ index })
  passages = await ServedPassages.open(() => openPassages({ index }))
  server = await start({})
})
afterAll(async () => {
  await server.drain()
  await Promise.all([answers.close(), passages.close(), pipeline.close()])
  rmSync(folder, { recursive: true })
  expect(defects).toEqual([])
})

interface Started extends Omit<Partial<AnswerServerOptions>, 'limits'> {
  readonly limits?: Partial<AnswerServerOptions['limits']>
}

function answering(options: Arguments['options']): Promise<Answering> {
  return Answering.start({
    startWorker: () => startAnswerWorker(options),
    onTrouble: (error) => defects.push(error),
  })
}

function start({ limits, ...options }: Started): Promise<AnswerServer> {
  return startAnswerServer({
    answers,
    passages,
    pages: (_, response) => void response.end('a page'),
    host: '127.0.0.1',
    port: 0,
    allowedOrigins: [],
    limits: { ...DEFAULT_LIMITS, ...limits },
    onDefect: (error) => defects.push(error),
    ...options,
  })
}

const JSON_TYPE = { 'Content-Type': 'application/json' }

function ask(body: unknown, { address = server.address, ...init }: RequestInit & { address?: string } = {}) {
  return fetch(`${address}api/ask`, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body), ...init })
}

interface Found {
  readonly passages: readonly (RetrievedPassage & { readonly citation: string })[]
}

interface Failure {
  readonly code: string
  readonly message: string
}

const failureOf = async (response: Response) => ({
  status: response.status,
  ...((await response.json()) as Failure),
})

const health = async (address = server.address) =>
  (await (await fetch(`${address}api/health`)).json()) as { questions: number }

const raw = (text: string, address = server.address) => sendRaw(text, address)

/** An index is searched by vectors and for words. */
const STAGES = [
  { name: 'dot', method: 'dot product' },
  { name: 'text', method: 'BM25+' },
  { name: 'rrf', method: 'reciprocal rank fusion' },
]

describe('POST /api/ask', () => {
  test('answers what the command answers, to several who ask at once', async () => {
    const asked = ['What is the capital of Arlen?', 'What is tea?', 'Who wrote Hamlet?']
    const [byCommand, ...answers] = await Promise.all([
      Promise.all(asked.map((question) => runCli(['ask', question, '--index', index, '--json']))),
      ...[...asked, ...asked].map(async (question) => {
        const response = await ask({ question })
        expect(response.status).toBe(200)
        expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
        return (await response.json()) as Answer
      }),
    ])
    const expected = byCommand.map(({ stdout }) => JSON.parse(stdout) as Answer)
    expect(answers).toEqual([...expected, ...expected])
    expect(expected[0].text).toBe('The capital of Arlen is Brask.')
    expect(expected[0].passages[0].source).toMatchObject({ file: join(folder, 'arlen.md') })
  })

  test('says what kind of answer it is, how likely it is right, and where the quotes stand', async () => {
    const answer = (await (await ask({ question: QUESTION })).json()) as Answer
    expect(answer.kind).not.toBe('refused')
    const { spans, passages } = answer.quotes!
    expect(spans).not.toEqual([])
    for (const span of spans) {
      const { file } = passages[span.passage].source!
      expect(span).toMatchObject({ source: { file } })
    }
    const refused = (await (await ask({ question: QUESTION, minProbability: 1 })).json()) as Answer
    expect(refused).toMatchObject({ kind: 'refused', text: "I don't know." })
    expect(refused.probability).toBeGreaterThanOrEqual(answer.probability) // more was tried
  })

  test('takes topK, mode, filter and sources', async () => {
    const answerOf = async (body: object) => (await (await ask({ question: QUESTION, ...body })).json()) as Answer
    expect((await answerOf({ topK: 1 })).passages).toHaveLength(1)
    expect((await answerOf({ mode: 'rag-token' })).mode).toBe('rag-token')
    const filtered = await answerOf({ filter: { file: [join(folder, 'tea.txt'), 'another'] } })
    expect(filtered.passages.map(({ source }) => source!.file)).toEqual([join(folder, 'tea.txt')])
    const { tokens, passages } = await answerOf({ sources: true })
    const words = tokens.flatMap(({ sources }) =>
      sources!.flatMap(({ field, passage, start, end }) =>
        field === 'text' ? [passages[passage].text.slice(start, end)] : [],
      ),
    )
    expect(words).toContain('Brask')
  })

  test.each([
    ['Accept', { headers: { ...JSON_TYPE, Accept: 'text/event-stream' } }, ''],
    ['?stream', {}, '?stream'],
  ])('streams events for %s: the draft in pieces, and the answer at last', async (_name, init, query) => {
    const response = await fetch(`${server.address}api/ask${query}`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ question: QUESTION }),
      ...init,
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const events = await eventsOf(response)
    expect(events.slice(0, 2)).toEqual([
      { event: 'accepted', data: { ahead: 0 } },
      { event: 'started', data: {} },
    ])
    const drafts = events.slice(2, -1)
    expect(new Set(drafts.map(({ event }) => event))).toEqual(new Set(['draft']))
    const answer = events.at(-1) as { event: string; data: Answer }
    expect(answer.event).toBe('answer')
    expect(answer.data).toEqual(await (await ask({ question: QUESTION })).json())
    expect(drafts.map(({ data }) => (data as { text: string }).text).join('')).toBe(answer.data.passages[0].answer)
  })

  test.each<[string, string | Uint8Array<ArrayBuffer>, number, string]>([
    ['no JSON', '{"question": ', 400, 'not-json'],
    ['a list', '[]', 400, 'config-type'],
    ['no question', '{}', 400, 'config-missing'],
    ['an empty question', '{"question": " "}', 400, 'empty-question'],
    ['a question of another type', '{"question": ["x"]}', 400, 'config-type'],
    ['a question that is too long', JSON.stringify({ question: 'word '.repeat(300) }), 400, 'too-long'],
    ['a question that no model is asked', JSON.stringify({ question: 'a'.repeat(60_000) }), 400, 'too-long'],
    ['an unknown field', '{"question": "x", "fast": true}', 400, 'unknown-field'],
    ['__proto__', '{"question": "x", "__proto__": {"topK": 1}}', 400, 'unknown-field'],
    ['topK 0', '{"question": "x", "topK": 0}', 400, 'config-type'],
    ['topK of a million', '{"question": "x", "topK": 1000000}', 400, 'config-type'],
    ['an unknown mode', '{"question": "x", "mode": "best"}', 400, 'config-type'],
    ['a probability above 1', '{"question": "x", "minProbability": 1.5}', 400, 'config-type'],
    ['a probability in words', '{"question": "x", "minProbability": "much"}', 400, 'config-type'],
    ['a filter that is none', '{"question": "x", "filter": {"a": {"b": 1}}}', 400, 'bad-filter'],
    ['a filter that matches nothing', '{"question": "x", "filter": {"__proto__": 1}}', 400, 'nothing-matches'],
    ['deep nesting', `{"question": ${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 400, 'json-too-large'],
    ['bytes that are no text', new Uint8Array([0x22, 0xff, 0x22]), 400, 'not-utf8'],
    ['a large body', JSON.stringify({ question: 'x'.repeat(3_000_000) }), 413, 'too-large'],
  ])('refuses %s', async (_name, body, status, code) => {
    const response = await fetch(`${server.address}api/ask`, { method: 'POST', headers: JSON_TYPE, body })
    expect(await failureOf(response)).toMatchObject({ status, code })
  })

  test('a large body whose size is not said in its head is refused as well', async () => {
    const piece = 'x'.repeat(50_000)
    const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`
    const head = `POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`
    expect(await raw(`${head}${chunk}${chunk}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 [^]*"too-large"/)
  })

  test.each<[string, Record<string, string>]>([
    ['another type', { 'Content-Type': 'text/plain' }],
    ['a compressed body', { ...JSON_TYPE, 'Content-Encoding': 'gzip' }],
  ])('refuses %s', async (_name, headers) => {
    expect((await ask({ question: QUESTION }, { headers })).status).toBe(415)
  })
})

describe('POST /api/search', () => {
  const post = (body: unknown, address = server.address) =>
    fetch(`${address}api/search`, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) })

  test('gives the passages that an answer would be read from, with their place, and no answer', async () => {
    const response = await post({ question: QUESTION })
    expect(response.status).toBe(200)
    const found = (await response.json()) as Found
    const { passages } = (await (await ask({ question: QUESTION })).json()) as Answer
    expect(found).toMatchObject({ question: QUESTION, stages: STAGES })
    expect(found.passages.map(({ id, score }) => [id, score])).toEqual(passages.map(({ id, score }) => [id, score]))
    expect(found.passages[0]).toEqual({
      ...(await pipeline.rag.retrieve(QUESTION))[0],
      citation: `${join(folder, 'arlen.md')}, characters 9 to 60`,
    })
  })

  test('takes topK and filter, and refuses what is for a reader', async () => {
    expect(((await (await post({ question: QUESTION, topK: 1 })).json()) as Found).passages).toHaveLength(1)
    const filter = { file: join(folder, 'tea.txt') }
    const { passages } = (await (await post({ question: QUESTION, filter })).json()) as Found
    expect(passages.map(({ title }) => title)).toEqual(['tea'])
    for (const [body, code] of [
      [{ question: QUESTION, mode: 'rag-token' }, 'unknown-field'],
      [{ question: QUESTION, topK: 51 }, 'config-type'],
      [{ question: ' ' }, 'empty-question'],
      [{ question: QUESTION, filter: { file: [] } }, 'bad-filter'],
      [{ question: QUESTION, filter: { file: 'none' } }, 'nothing-matches'],
      [[QUESTION], 'config-type'],
    ] as const) {
      expect(await failureOf(await post(body)), JSON.stringify(body)).toMatchObject({ status: 400, code })
    }
    expect((await fetch(`${server.address}api/search`)).headers.get('allow')).toBe('POST')
  })

  test('waits in the queue of the questions', async () => {
    const { address, drain } = await start({ limits: { waiting: 0 } })
    const responses = await Promise.all([ask({ question: QUESTION }, { address }), post({ question: 'x' }, address)])
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 503])
    await drain()
  })
})

describe('GET /api/passages/ID', () => {
  const get = (id: string, address = server.address) => fetch(`${address}api/passages/${id}`)

  test('gives a passage with its metadata and its place', async () => {
    const [{ id, title, text }] = await pipeline.rag.retrieve(QUESTION)
    const response = await get(encodeURIComponent(id))
    expect(response.status).toBe(200)
    const file = join(folder, 'arlen.md')
    expect(await response.json()).toEqual({
      id,
      title,
      text,
      source: { file, headingPath: ['Arlen'], start: 9, end: 60, places: [[0, 51, 9, 3]] },
      metadata: { file, format: 'markdown' },
      citation: `${file}, characters 9 to 60`,
    })
  })

  test.each([
    ['an id that is not there', 'nothing', 404, 'no-such-passage'],
    ['none', '', 404, 'no-such-passage'],
    ['half an encoding', '%E0%A4', 400, 'bad-address'],
    ['NUL', '%00', 404, 'no-such-passage'],
    ['a long one', 'x'.repeat(5000), 404, 'no-such-passage'],
    ['a way to another file', encodeURIComponent('../../etc/passwd'), 404, 'no-such-passage'],
  ])('%s', async (_name, id, status, code) => {
    expect(await failureOf(await get(id))).toMatchObject({ status, code })
  })

  test('of the facts of the package, too', async () => {
    const facts = await ServedPassages.open(() => openPassages({}))
    const { address, drain } = await start({ passages: facts })
    expect(await (await get('countries-152', address)).json()).toMatchObject({ title: 'France' })
    expect(await failureOf(await get('x', address))).toMatchObject({ status: 404 })
    await drain()
    await facts.close()
  })
})

describe('limits', () => {
  test('who comes to a full queue is sent away, with the advice to come again', async () => {
    const { address, drain } = await start({ limits: { waiting: 1 } })
    const responses = await Promise.all(Array.from({ length: 4 }, () => ask({ question: QUESTION }, { address })))
    const statuses = responses.map(({ status }) => status).sort()
    expect(statuses).toEqual([200, 200, 503, 503])
    const busy = responses.find(({ status }) => status === 503)!
    expect(busy.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await failureOf(busy)).toMatchObject({ code: 'busy' })
    expect(await health(address)).toMatchObject({ questions: 0 })
    await drain()
  })

  test('a question that takes too long is given up, and the next one is answered', async () => {
    const { address, drain } = await start({ limits: { seconds: 0.001 } })
    const late = await ask({ question: QUESTION, topK: 2 }, { address })
    expect(await failureOf(late)).toMatchObject({ status: 504, code: 'too-slow' })
    const streamed = await ask(
      { question: QUESTION },
      { address, headers: { ...JSON_TYPE, Accept: 'text/event-stream' } },
    )
    expect((await eventsOf(streamed)).at(-1)).toMatchObject({ event: 'error', data: { status: 504, code: 'too-slow' } })
    await until(async () => (await health(address)).questions === 0)
    await drain()
    expect((await ask({ question: QUESTION })).status).toBe(200)
  })

  test('a client that leaves ends its question, also while it waits', async () => {
    const leave = new AbortController()
    const gone = Array.from({ length: 8 }, () => ask({ question: QUESTION }, { signal: leave.signal }))
    await until(async () => (await health()).questions > 2)
    leave.abort()
    for (const request of gone) await request.catch(() => undefined)
    await until(async () => (await health()).questions === 0)
    expect((await ask({ question: QUESTION })).status).toBe(200)
  })

  test('a request that does not arrive in time is answered, and keeps nobody else waiting', async () => {
    const { address, drain } = await start({ limits: { receiveSeconds: 0.2 } })
    const slow = [
      raw('POST /api/ask HTTP/1.1\r\nHost: local', address),
      raw(
        'POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{"que',
        address,
      ),
    ]
    expect((await ask({ question: QUESTION }, { address })).status).toBe(200)
    for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^HTTP\/1\.1 408 [^]*"too-slow"/)
    await drain()
  })
})

describe('who may ask', () => {
  /** fetch() sends no Host of the caller's. */
  const statusFor = (headers: Record<string, string>, path = '/api/health', method = 'GET') =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
      httpRequest(`${server.address.slice(0, -1)}${path}`, { headers, method }, (response) => {
        response.resume()
        resolve({ status: response.statusCode!, headers: response.headers })
      })
        .on('error', reject)
        .end()
    })

  test.each(['evil.example', 'evil.example:4180', 'localhost.evil.example', '127.0.0.1.evil.example', '[::2]'])(
    'a page or question under the name %s is refused',
    async (Host) => {
      expect((await statusFor({ Host })).status).toBe(403)
      expect((await statusFor({ Host }, '/')).status).toBe(403)
    },
  )

  test.each(['localhost', 'localhost:1', '127.0.0.1:80', '[::1]:80'])('%s is answered', async (Host) => {
    expect((await statusFor({ Host })).status).toBe(200)
  })

  test('pages of other origins are refused, and none gets a header that would let it read', async () => {
    for (const Origin of ['https://evil.example', 'null', 'http://localhost:1']) {
      const { status, headers } = await statusFor({ Origin })
      expect(status, Origin).toBe(403)
      expect(headers, Origin).not.toHaveProperty('access-control-allow-origin')
    }
    expect((await statusFor({ Origin: new URL(server.address).origin })).status).toBe(200)
  })

  test('an origin is scheme, host and port: the same host under another scheme or port is another one', async () => {
    const { host, port } = new URL(server.address)
    for (const Origin of [`https://${host}`, `ftp://${host}`, `http://localhost:${port}`, 'http://127.0.0.1']) {
      expect((await statusFor({ Origin })).status, Origin).toBe(403)
    }
    // port 80 is that of http, whether it is written or not
    expect((await statusFor({ Host: 'localhost:80', Origin: 'http://localhost' })).status).toBe(200)
    expect((await statusFor({ Host: 'localhost', Origin: 'http://localhost:80' })).status).toBe(200)
  })

  test('an origin that is allowed may ask, after its preflight', async () => {
    const { address, drain } = await start({ allowedOrigins: ['https://friend.example'] })
    const headers = { Origin: 'https://friend.example', 'Access-Control-Request-Method': 'POST' }
    const preflight = await fetch(`${address}api/ask`, { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': 'https://friend.example',
      'access-control-allow-headers': 'Content-Type',
    })
    const asked = await ask({ question: QUESTION }, { address, headers: { ...JSON_TYPE, Origin: headers.Origin } })
    expect(asked.headers.get('access-control-allow-origin')).toBe('https://friend.example')
    await drain()
  })
})

describe('addresses', () => {
  test('the API and the page', async () => {
    expect(await (await fetch(server.address)).text()).toBe('a page')
    expect(await (await fetch(`${server.address}api/health`)).json()).toEqual({
      status: 'ok',
      reader: 'encoder-decoder',
      encoder: 'all-MiniLM-L6-v2',
      corpus: 'notes.index',
      passages: 2,
      stages: STAGES,
      questions: 0,
    })
    expect((await fetch(`${server.address}api/health`, { method: 'HEAD' })).status).toBe(200)
    expect(await failureOf(await fetch(`${server.address}api/nothing`))).toMatchObject({ status: 404 })
    const get = await fetch(`${server.address}api/ask`)
    expect(get.headers.get('allow')).toBe('POST')
    expect(await failureOf(get)).toMatchObject({ status: 405, code: 'wrong-method' })
  })

  test.each([
    ['noise', '\u0000\u0001\u0002\r\n\r\n', 400],
    ['an address that is none', 'GET http://[ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 400],
    ['no name', 'GET /api/health HTTP/1.0\r\n\r\n', 403],
    ['a head that is too large', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
  ])('%s', async (_name, text, status) => {
    expect(await raw(text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*"code"`))
    expect((await ask({ question: QUESTION })).status).toBe(200)
  })
})

describe('glassformer serve', () => {
  test('answers from an index until Ctrl-C, and then what was asked before it', async () => {
    let answering: Promise<Response[]> | undefined
    const result = await serveCli(['--index', index], async (address) => {
      expect((await fetch(address)).headers.get('content-type')).toBe('text/html; charset=utf-8')
      answering = Promise.all([1, 2, 3].map(() => ask({ question: QUESTION }, { address })))
      await until(async () => (await health(address)).questions > 1)
    })
    for (const response of await answering!) {
      expect(await response.json()).toMatchObject({ text: 'The capital of Arlen is Brask.' })
    }
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout).toMatch(
      /^Answering from the 2 passages of notes\.index at http:\/\/127\.0\.0\.1:\d+\/\nCtrl-C ends it\.\n$/,
    )
  })

  test('--reader: a decoder-only model, whose answer comes in pieces', async () => {
    const chat = writeSmallFolder(join(folder, 'chat'), {
      golden: 'qwen3/base',
      tokenizer: byteTokenizer,
      chatTemplate: CHATML,
      config: { max_position_embeddings: 2048 },
    })
    const result = await serveCli(['--index', index, '--reader', chat], async (address) => {
      const streamed = await ask(
        { question: 'Why?' },
        { address, headers: { ...JSON_TYPE, Accept: 'text/event-stream' } },
      )
      const events = await eventsOf(streamed)
      const { event, data } = events.at(-1) as { event: string; data: PromptAnswer }
      expect(event).toBe('answer')
      const pieces = events.filter(({ event }) => event === 'text').map(({ data }) => (data as { text: string }).text)
      expect(pieces.join('').trim()).toBe(data.text)
      const unsure = await ask({ question: 'Why?', minProbability: 1 }, { address })
      expect(await unsure.json()).toMatchObject({ kind: 'refused', text: "I don't know.", written: data.text })
      expect(await failureOf(await ask({ question: 'Why?', mode: 'rag-token' }, { address }))).toMatchObject({
        status: 400,
        code: 'unknown-field',
      })
    })
    expect(result).toMatchObject({ code: 0, stderr: '' })
  })

  test('says that an address that others reach has no password', async () => {
    const result = await serveCli(['--index', index, '--host', '0.0.0.0'], async (address) => {
      const port = new URL(address).port
      expect((await fetch(`http://127.0.0.1:${port}/api/health`)).status).toBe(200)
    })
    expect(result).toMatchObject({ code: 0 })
    expect(result.stderr).toContain('there is no password')
  })

  test.each<[string, string[], number, string]>([
    ['a port that is none', ['--port', '65536'], 2, '--port is "65536", expected at most 65535'],
    ['a timeout of 0', ['--timeout', '0'], 2, '--timeout is "0", expected a number above 0'],
    ['an origin with a path', ['--allow-origin', 'https://a.example/b'], 2, 'expected an origin such as'],
    ['an index that is not there', ['--index', join(folder, 'none')], 1, 'there is no such index'],
    ['an address of another machine', ['--index', index, '--host', '192.0.2.1'], 1, 'is no address of this machine'],
  ])('refuses %s', async (_name, args, code, message) => {
    const ran = await runCli(['serve', ...args])
    expect(ran).toMatchObject({ code, stdout: '' })
    expect(ran.stderr).toContain(message)
  })
})
