/**
 * Clients who mean harm, or have bad luck, among others who do neither. What the others are to get is known: they ask an index of Arlen and tea.
 */
import { connect } from 'node:net'
import type { Answer } from '../../src/rag/index.js'
import { post, raw } from './http.js'

/** What the index is made of, by name of the file. */
export const FILES = {
  'arlen.md': '# Arlen\n\nArlen is a country in Europe.\nIts capital is Brask.\n',
  'tea.txt': 'Tea is a drink. It is made of leaves.\n',
}
const QUESTION = 'What is the capital of Arlen?'
const ANSWER = 'The capital of Arlen is Brask.'

export interface Visit {
  /** Requests that got what they asked for, of those that were not hostile. */
  readonly answered: number
  /** What was wrong with the others. */
  readonly lost: readonly string[]
  /** Hostile requests, and of those that are to be refused the status. */
  readonly hostile: readonly { readonly name: string; readonly expected?: number; readonly status: unknown }[]
}

/** Sends requests, of which every twentieth is hostile, a few at a time. */
export async function visitAmongHostile(address: string, requests: number, together: number): Promise<Visit> {
  const hostile: Visit['hostile'][number][] = []
  const lost: string[] = []
  let next = 0
  const client = async () => {
    for (let i = next++; i < requests; i = next++) {
      if (i % 20 === 10) {
        const [name, send, expected] = HOSTILE[((i - 10) / 20) % HOSTILE.length]
        hostile.push({ name, expected, status: await send(address) })
      } else await askWell(address, i).catch((error: unknown) => lost.push(`request ${i}: ${String(error)}`))
    }
  }
  await Promise.all(Array.from({ length: together }, client))
  return { answered: requests - hostile.length - lost.length, lost, hostile }
}

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
    check(response.headers.has('retry-after'), 'it is not told when to come again')
    await response.text()
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** @throws Error where the answer is not what it should be */
async function askWell(address: string, i: number): Promise<void> {
  if (i % 20 === 1) {
    const response = await patiently(() => post(address, 'ask', { question: QUESTION, topK: 1 }))
    const { text } = (await response.json()) as Answer
    check(response.status === 200 && text === ANSWER, `answered ${response.status} ${text}`)
  } else if (i % 4 === 2) {
    const response = await patiently(() => post(address, 'search', { question: QUESTION, topK: 1 }))
    const { passages } = (await response.json()) as Answer
    check(passages[0]?.title === 'Arlen', `search answered ${response.status}`)
  } else if (i % 4 === 3) await fetched(`${address}api/passages/none`, 404)
  else await fetched(i % 8 === 0 ? address : `${address}api/health`, 200)
}

async function fetched(address: string, expected: number): Promise<void> {
  const response = await fetch(address)
  await response.text()
  check(response.status === expected, `${address} answered ${response.status}`)
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new Error(message)
}
