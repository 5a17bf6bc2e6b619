/**
 * Requests to `glassformer serve` over an index of few passages: those that answer, those that only look, and those that are refused.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LongRun, Sample } from './growth.js'
import { DIST, startWatched } from './watched.js'

const CLI = `${DIST}/cli.js`
/** Requests between two looks at the memory. */
const LOOK_EVERY = 10
/** At the same time. */
const CLIENTS = 4
const QUESTIONS = ['What is the capital of Arlen?', 'What is tea?', 'What is Brask?', 'Who wrote Hamlet?']

interface Asked {
  readonly path: string
  readonly body?: string
  readonly status: number
}

/** The n-th request: of ten, one is a question, three are searches, and one is refused. */
function requestOf(n: number): Asked {
  const question = QUESTIONS[n % QUESTIONS.length]
  switch (n % 10) {
    case 0:
      return { path: 'api/ask', body: JSON.stringify({ question, topK: 2 }), status: 200 }
    case 1:
    case 4:
    case 7:
      return { path: 'api/search', body: JSON.stringify({ question: `${question} ${n}` }), status: 200 }
    case 2:
      return { path: 'api/ask', body: `{"question": "${'a'.repeat(n % 1000)}`, status: 400 }
    case 3:
      return { path: `api/passages/${n}`, status: 404 }
    case 5:
      return { path: '', status: 200 }
    default:
      return { path: 'api/health', status: 200 }
  }
}

export async function runServe(count: number, onProgress: (done: number) => void): Promise<LongRun> {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-long-'))
  try {
    const index = join(folder, 'notes.index')
    writeFileSync(join(folder, 'arlen.md'), '# Arlen\n\nArlen is a country in Europe.\nIts capital is Brask.\n')
    writeFileSync(join(folder, 'tea.txt'), 'Tea is a drink. It is made of leaves.\n')
    const files = ['arlen.md', 'tea.txt'].map((name) => join(folder, name))
    await promisify(execFile)(process.execPath, [CLI, 'index', ...files, '--out', index])
    return await askServer(index, count, onProgress)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function askServer(index: string, count: number, onProgress: (done: number) => void): Promise<LongRun> {
  const begun = performance.now()
  const watched = startWatched(CLI, ['serve', '--port', '0', '--index', index])
  const samples: Sample[] = []
  try {
    let printed = ''
    while (!/at (http:\S+)\n/.test(printed)) printed += await watched.next()
    watched.child.stdout!.resume()
    const address = /at (http:\S+)\n/.exec(printed)![1]
    for (let done = 0; done < count;) {
      const end = Math.min(done + LOOK_EVERY, count)
      const waiting = Array.from({ length: end - done }, (_, i) => requestOf(done + i))
      await Promise.all(
        Array.from({ length: CLIENTS }, async () => {
          for (let asked = waiting.shift(); asked; asked = waiting.shift()) await send(address, asked)
        }),
      )
      done = end
      samples.push([done, await watched.memory()])
      onProgress(done)
    }
  } finally {
    watched.child.kill()
  }
  return { name: 'glassformer serve', unit: 'requests', seconds: (performance.now() - begun) / 1000, samples }
}

/** Over a connection of its own: one that is kept may be closed by the server when the next request is on its way. @throws Error for another status than is expected */
function send(address: string, { path, body, status }: Asked): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = {
      agent: false,
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'Content-Type': 'application/json' },
    }
    const sent = request(address + path, options, (response) => {
      response.resume()
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === status) resolve()
        else reject(new Error(`/${path}: ${response.statusCode}, expected ${status}`))
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
