/**
 * `ask`, `chat` and `serve` over a store in PostgreSQL with every stage of the search, and what becomes of questions when the database goes away.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Pipeline } from '../../src/cli/pipeline.js'
import { DEFAULT_LIMITS, startAnswerServer, type AnswerServer } from '../../src/cli/server/answer-server.js'
import { ServedPassages } from '../../src/cli/server/served-passages.js'
import { Rag, type Answer } from '../../src/rag/index.js'
import { PostgresStore } from '../../src/rag/stores/postgres/index.js'
import { answersHere } from '../support/answers-here.js'
import { runCli, serveCli } from '../support/cli.js'
import { halt, startAgain } from '../support/postgres-server.js'
import { wordTokenizer, writeSmallFolder } from '../support/small-tokenizers.js'
import { describePostgres } from './server.js'

const QUESTION = 'What is the capital of Arlen?'
const ANSWER = 'The capital of Arlen is Brask.'
const SCHEMA = 'answering'

function post(address: string, path: string, body: object): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' }
  return fetch(`${address}api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}

describePostgres('answers from PostgreSQL', (postgres) => {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-'))
  const file = (name: string) => join(folder, name)
  const at = ['--store', postgres.url, '--schema', SCHEMA]
  beforeAll(async () => {
    writeFileSync(file('arlen.md'), '# Arlen\n\nArlen is a country in Europe.\nIts capital is Brask.\n')
    writeFileSync(file('brask.txt'), 'Brask is a city. It lies in Arlen.\n')
    writeFileSync(file('tea.txt'), 'Tea is a drink. It is made of leaves.\n')
    const files = ['arlen.md', 'brask.txt', 'tea.txt'].map(file)
    expect(await runCli(['index', ...files, ...at])).toMatchObject({ code: 0, stderr: '' })
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('ask, chat and serve find the same by the same stages; a filter restricts them', async () => {
    const judge = writeSmallFolder(file('judge'), { golden: 'bert/sequence-classification', tokenizer: wordTokenizer })
    const search = [...at, '--rerank', judge]
    const filter = { file: [file('arlen.md'), file('tea.txt')] }
    const filters = filter.file.flatMap((path) => ['--filter', `file=${path}`])
    const [json, asked, chatted] = await Promise.all([
      runCli(['ask', QUESTION, ...search, ...filters, '--json']),
      runCli(['ask', QUESTION, ...search, '--show']),
      runCli(['chat', ...search, '--show'], { input: `${QUESTION}\n` }),
    ])
    expect(asked.stdout).toMatch(
      /score 0\.\d{3} \(#1\) {2}text \d\.\d{3} \(#1\) {2}rrf 0\.033 \(#1\) {2}reranker -?\d\.\d{3} \(#\d\)/,
    )
    expect(chatted).toMatchObject({ code: 0, stderr: '' })
    expect(chatted.stdout).toContain(asked.stdout)
    const { text, passages } = JSON.parse(json.stdout) as Answer
    expect(text).toBe(ANSWER)
    expect(passages.map(({ source }) => source!.file).sort()).toEqual(filter.file)
    expect(passages.map(({ ranks }) => ranks!.reranker)).toEqual([1, 2])

    const served = await serveCli(search, async (address) => {
      const answer = await (await post(address, 'ask', { question: QUESTION, filter })).json()
      expect(answer).toEqual(JSON.parse(json.stdout))
      const found = (await (await post(address, 'search', { question: QUESTION, filter })).json()) as Answer
      expect(found.passages.map(({ id, score, scores, ranks }) => ({ id, score, scores, ranks }))).toEqual(
        passages.map(({ id, score, scores, ranks }) => ({ id, score, scores, ranks })),
      )
      expect(found).toMatchObject({ stages: [{}, { name: 'text', method: 'ts_rank' }, { name: 'rrf' }, {}] })
      const { id } = passages[0]
      const passage = await fetch(`${address}api/passages/${encodeURIComponent(id)}`)
      expect(await passage.json()).toMatchObject({ id, text: passages[0].text, source: passages[0].source })
      expect((await fetch(`${address}api/passages/none`)).status).toBe(404)
      // what is asked while the database starts anew waits for it
      halt(postgres)
      const waiting = post(address, 'ask', { question: QUESTION })
      startAgain(postgres)
      expect(await (await waiting).json()).toMatchObject({ text: ANSWER })
    })
    expect(served).toMatchObject({ code: 0, stderr: '' })
    expect(served.stdout).toContain(`Answering from the 3 passages of PostgreSQL, schema ${SCHEMA} at `)
  })

  describe('when the database goes away', () => {
    let pipeline: Pipeline
    let server: AnswerServer
    const defects: unknown[] = []
    beforeAll(async () => {
      const store = await PostgresStore.open(postgres.url, { schema: SCHEMA, reconnectTimeout: 200 })
      const rag = await Rag.fromPretrained(undefined, { index: store })
      const close = async () => {
        rag.dispose()
        await store.close()
      }
      pipeline = { kind: 'mixing', rag, corpus: 'notes', stages: [], close }
      server = await startAnswerServer({
        answers: answersHere(pipeline),
        passages: await ServedPassages.open(() => Promise.resolve(store)),
        pages: (_, response) => void response.end('a page'),
        host: '127.0.0.1',
        port: 0,
        allowedOrigins: [],
        limits: DEFAULT_LIMITS,
        onDefect: (error) => defects.push(error),
      })
    })
    afterAll(async () => {
      await server.drain()
      await pipeline.close()
    })

    test('during a question, that one gets a typed error; the server lives, and answers when it is back', async () => {
      const admin = new Client({ connectionString: postgres.url })
      admin.on('error', () => {}) // it loses its connection too
      await admin.connect()
      await admin.query(`BEGIN; LOCK TABLE "${SCHEMA}".passages IN ACCESS EXCLUSIVE MODE`)
      const asked = [
        post(server.address, 'ask', { question: QUESTION }),
        post(server.address, 'search', { question: QUESTION }),
      ]
      await until(async () => {
        const { rows } = await admin.query(
          "SELECT 1 FROM pg_stat_activity WHERE application_name = 'glassformer' AND wait_event_type = 'Lock'",
        )
        return rows.length > 0
      })
      halt(postgres)
      try {
        for (const response of await Promise.all(asked)) {
          expect(response.status).toBe(503)
          expect(response.headers.get('retry-after')).toBe('5')
          const { code, message } = (await response.json()) as { code: string; message: string }
          expect(code).toBe('unreachable')
          expect(message).toMatch(/^the search: the database cannot be reached: /)
        }
        for (const path of ['health', 'passages/x']) {
          expect((await fetch(`${server.address}api/${path}`)).status, path).toBe(503)
        }
        expect(await (await fetch(server.address)).text()).toBe('a page')
        const streamed = await fetch(`${server.address}api/ask?stream`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ question: QUESTION }),
        })
        expect(await streamed.text()).toMatch(/event: error\ndata: \{"status":503,"code":"unreachable",.*\n\n$/)
      } finally {
        startAgain(postgres)
      }
      expect(await (await post(server.address, 'ask', { question: QUESTION })).json()).toMatchObject({ text: ANSWER })
      expect(defects).toEqual([])
    })
  })

  test('chat waits for a database that starts anew, and goes on with the next line', async () => {
    let lines = 0
    const ran = await runCli(['chat', ...at], {
      watch: (child, stdout) => {
        const answered = stdout.split('stands behind the answer').length - 1
        if (lines === 0 && stdout.includes('by itself')) {
          lines = 1
          child.stdin!.write(`${QUESTION}\n`)
        } else if (lines === 1 && answered === 1) {
          lines = 2
          halt(postgres)
          child.stdin!.write('What is tea?\n')
          startAgain(postgres)
          child.stdin!.end(`${QUESTION}\n`)
        }
      },
      input: undefined,
    })
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout.split(ANSWER)).toHaveLength(3)
  })
})
