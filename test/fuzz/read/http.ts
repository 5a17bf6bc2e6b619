/**
 * Sends bytes to `glassformer serve`, which runs as a process of its own. It has to answer what is HTTP, refuse what is none, and go on.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { toBytes } from '../mutate/mutate.js'
import type { Reading } from '../target.js'

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
/** Milliseconds to wait for more of an answer. A request whose end does not come is not waited for: the server gives it 15 seconds. */
const QUIET = 60
/** Inputs between two questions whether all is well. */
const CHECK_EVERY = 20
/** Milliseconds in which the server has to say that it is well, on a machine that does other things too. */
const ANSWERS_WITHIN = 10_000

export async function openServer(): Promise<Reading> {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-fuzz-'))
  const [note, index] = [join(folder, 'arlen.md'), join(folder, 'notes.index')]
  writeFileSync(note, '# Arlen\n\nArlen is a country in Europe. Its capital is Brask.\n')
  const program = ['--import', import.meta.resolve('tsx'), MAIN]
  await promisify(execFile)(process.execPath, [...program, 'index', note, '--out', index])
  const args = [...program, 'serve', '--port', '0', '--timeout', '5', '--index', index]
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  let printed = ''
  server.stdout.setEncoding('utf8')
  while (!/at (http:\S+)\n/.test(printed)) {
    const [text] = (await Promise.race([once(server.stdout, 'data'), once(server, 'exit')])) as [string | number]
    if (typeof text !== 'string') throw new Error(`the server ended with ${text}: ${said}`)
    printed += text
  }
  const address = new URL(/at (http:\S+)\n/.exec(printed)![1])
  let inputs = 0
  return {
    async read(input) {
      checkAnswers(await send(address, input))
      if (/a defect, please report it/.test(said)) throw new Error(said.slice(said.indexOf('a defect')))
      if (++inputs % CHECK_EVERY > 0) return
      const { status } = await fetch(new URL('api/health', address), { signal: AbortSignal.timeout(ANSWERS_WITHIN) })
      if (status !== 200) throw new Error(`after that, /api/health answered ${status}`)
    },
    close: () => {
      server.kill('SIGKILL')
      rmSync(folder, { recursive: true })
    },
  }
}

/** Gives what comes back until it closes or nothing comes any more. */
function send({ port }: URL, input: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(input))
    socket.setTimeout(QUIET)
    socket.on('timeout', () => socket.destroy())
    socket.on('data', (bytes) => (answer += bytes.toString('latin1')))
    socket.on('error', () => {}) // it may close while we still write
    socket.on('close', () => resolve(answer))
  })
}

/** Looks at one answer after the other. @throws Error for one that no client should get */
function checkAnswers(answers: string): void {
  if (answers === '') return
  const [head, status] = /^HTTP\/1\.1 (\d{3}) .*?\r\n\r\n/s.exec(answers) ?? []
  if (head === undefined) {
    if (/^HTTP\/1\.1 \d{3} /.test(answers)) return // we did not wait for the rest of it
    throw new Error(`answered what is no HTTP: ${answers.slice(0, 200)}`)
  }
  if (status === '500') throw new Error(`answered with a defect: ${answers.slice(0, 600)}`)
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
  const rest = answers.slice(head.length)
  if (rest.startsWith('HTTP/1.1 ')) return checkAnswers(rest) // an answer to HEAD, or one without a body
  if (length === undefined || rest.length < Number(length)) return // events, or what we did not wait for
  const body = rest.slice(0, Number(length))
  if (Number(status) >= 400 && body.startsWith('{')) {
    const { message } = JSON.parse(Buffer.from(body, 'latin1').toString('utf8')) as { message: string }
    if (message.length > 1000) throw new Error(`answered with a message of ${message.length} characters`)
  }
  checkAnswers(rest.slice(Number(length)))
}

const request = (head: string, body = ''): Uint8Array =>
  toBytes(
    `${head}\r\nHost: localhost\r\n${body === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${toBytes(body).length}\r\n`}\r\n${body}`,
  )

export const httpSeeds = (): Uint8Array[] => [
  request('GET /api/health HTTP/1.1'),
  request('GET /api/passages/x%23 HTTP/1.1'),
  request('GET / HTTP/1.1'),
  request('OPTIONS /api/ask HTTP/1.1\r\nOrigin: http://localhost\r\nAccess-Control-Request-Method: POST'),
  request('POST /api/search HTTP/1.1', '{"question": "What is tea?", "topK": 2, "filter": {"format": ["html", "md"]}}'),
  request(
    'POST /api/ask HTTP/1.1',
    '{"question": "", "topK": 1, "mode": "rag-token", "sources": false, "minProbability": 0.5}',
  ),
  request('POST /api/ask?stream HTTP/1.1\r\nAccept: text/event-stream', '{"question": "Tea?", "topK": 1}'),
  toBytes(
    'POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"que\r\n0\r\n\r\n',
  ),
]
