/**
 * `glassformer serve` among clients who mean harm, or have bad luck: the command itself with its models, over HTTP.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Answer } from '../../src/rag/index.js'
import { runCli, serveCli } from '../support/cli.js'
import { post, raw, until } from '../support/http.js'

const QUESTION = 'What is the capital of Arlen?'
const ANSWER = 'The capital of Arlen is Brask.'
const folder = mkdtempSync(join(tmpdir(), 'glassformer-hostile-'))
const index = join(folder, 'notes.index')

beforeAll(async () => {
  writeFileSync(join(folder, 'arlen.md'), '# Arlen\n\nArlen is a country in Europe.\nIts capital is Brask.\n')
  writeFileSync(join(folder, 'tea.txt'), 'Tea is a drink. It is made of leaves.\n')
  const ran = await runCli(['index', join(folder, 'arlen.md'), join(folder, 'tea.txt'), '--out', index])
  expect(ran.code, ran.stderr).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true }))

const health = async (address: string) =>
  (await (await fetch(`${address}api/health`)).json()) as { status: string; questions: number }

/** Computes for as long as a question can: many passages, and as many words as the encoder reads. */
const LONG = { question: `What is ${'the capital of '.repeat(80)}France?`, topK: 50 }

/** Sends a question, waits until it is computed, and leaves. */
async function leaveInTheMidst(address: string): Promise<void> {
  const leave = new AbortController()
  const asked = post(address, 'ask', { question: QUESTION }, { signal: leave.signal }).catch(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, 100))
  leave.abort()
  await asked
}

/** A body of which half is missing; the connection is cut after a second. */
function halfABody(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1', () => {
      socket.write('POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n')
      socket.write('Content-Length: 60000\r\n\r\n{"question": "')
      setTimeout(() => socket.destroy(), 1000)
    })
    socket.on('close', () => resolve())
    socket.resume()
  })
}

const statusOf = async (response: Promise<Response>) => (await response).status
const json = (body: string) => ({ body, headers: { 'Content-Type': 'application/json' } })

/** What each of them is told; undefined where nobody waits for it. */
const HOSTILE: readonly [string, (address: string) => Promise<unknown>, number | undefined][] = [
  ['60,000 letters', (at) => statusOf(post(at, 'ask', { question: 'a'.repeat(60_000) })), 400],
  ['4,000 letters', (at) => leaveAfter(at, { question: 'a'.repeat(4000) }), undefined],
  ['a huge topK', (at) => statusOf(post(at, 'ask', { question: QUESTION, topK: 1e15 })), 400],
  ['broken JSON', (at) => statusOf(post(at, 'search', {}, json('{"question": "'))), 400],
  ['half a body', halfABody, undefined],
  ['a client that leaves', leaveInTheMidst, undefined],
  ['lists in lists', (at) => statusOf(post(at, 'ask', {}, json(`{"filter":${'['.repeat(30_000)}`))), 400],
  ['objects in objects', (at) => statusOf(post(at, 'ask', {}, json(`${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}`))), 400],
  ['a filter of thousands', (at) => statusOf(patiently(() => post(at, 'search', { question: 'x', filter: { file: Array(9000).fill(1) } }))), 400],
  ['a filter that is none', (at) => statusOf(patiently(() => post(at, 'search', { question: 'x', filter: { a: { b: [] } } }))), 400],
  ['3 MB', (at) => statusOf(post(at, 'ask', { question: 'x'.repeat(3_000_000) })), 413],
  ['a gigantic head', async (at) => statusIn(await raw(`GET / HTTP/1.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, at)), 431],
  ['noise', async (at) => statusIn(await raw('\u0000\u0001\u0002\r\n\r\n', at)), 400],
] // prettier-ignore

async function leaveAfter(address: string, body: object): Promise<void> {
  await post(address, 'ask', body, { signal: AbortSignal.timeout(300) }).catch(() => undefined)
}

function statusIn(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
}

/** As a well-behaved client: who is told to come again does so (sooner than it is told, for these are many tests). */
async function patiently(ask: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const response = await ask()
    if (response.status !== 503) return response
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
    await response.text()
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

async function askWell(address: string, i: number): Promise<void> {
  if (i % 20 === 1) {
    const response = await patiently(() => post(address, 'ask', { question: QUESTION, topK: 1 }))
    expect(response.status).toBe(200)
    expect(((await response.json()) as Answer).text).toBe(ANSWER)
  } else if (i % 4 === 2) {
    const response = await patiently(() => post(address, 'search', { question: QUESTION, topK: 1 }))
    expect(((await response.json()) as Answer).passages.map(({ title }) => title)).toEqual(['Arlen'])
  } else if (i % 4 === 3) expect((await fetch(`${address}api/passages/none`)).status).toBe(404)
  else if (i % 8 === 0) expect((await fetch(address)).status).toBe(200)
  else expect(await health(address)).toMatchObject({ corpus: 'notes.index' })
}

test('500 requests, 25 of them hostile: none of the others is lost', { timeout: 300_000 }, async () => {
  const REQUESTS = 500
  const TOGETHER = 20
  const told: [string, unknown][] = []
  const result = await serveCli(['--index', index, '--queue', '8'], async (address) => {
    let next = 0
    let answered = 0
    const client = async () => {
      for (let i = next++; i < REQUESTS; i = next++) {
        if (i % 20 === 10) {
          const [name, send] = HOSTILE[((i - 10) / 20) % HOSTILE.length]
          told.push([name, await send(address)])
        } else {
          await askWell(address, i)
          answered++
        }
      }
    }
    await Promise.all(Array.from({ length: TOGETHER }, client))
    expect(answered).toBe(475)
    await until(async () => (await health(address)).questions === 0)
  })
  expect(result).toMatchObject({ code: 0, stderr: '' })
  expect(told).toHaveLength(25)
  for (const [name, status] of told) {
    expect(status, name).toBe(HOSTILE.find(([hostile]) => hostile === name)![2])
  }
})

test('while the longest question is computed, its server answers whatever is not computed; SIGTERM ends it', async () => {
  let visited: Promise<void> | undefined
  const visit = async (address: string, end: () => void) => {
    let isOver = false
    const asked = post(address, 'ask', LONG).finally(() => (isOver = true))
    await until(async () => (await health(address)).questions === 1)
    const others = [post(address, 'ask', { question: 'x' }), post(address, 'search', { question: 'x' })]
    await until(async () => (await health(address)).questions === 3)
    for (let i = 0; i < 20; i++) {
      expect(await health(address)).toMatchObject({ status: 'ok' })
      expect((await fetch(`${address}api/passages/countries-152`)).status).toBe(200)
    }
    expect(isOver).toBe(false)
    end()
    for (const response of await Promise.all([asked, ...others])) {
      expect(response.status).toBe(503)
      expect(await response.json()).toMatchObject({ code: 'shutting-down' })
    }
  }
  const result = await runCli(['serve', '--port', '0'], {
    watch: (child, stdout) => {
      const address = /at (http:\S+)\n/.exec(stdout)?.[1]
      if (address === undefined) return
      visited ??= visit(address, () => child.kill('SIGTERM')).catch((error: unknown) => {
        child.kill('SIGKILL')
        throw error
      })
    },
  })
  await visited
  expect(result).toMatchObject({ code: 0, stderr: '' })
})
