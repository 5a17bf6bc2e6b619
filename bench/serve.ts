/**
 * `npm run bench:serve`: how long `glassformer serve` lets its clients wait while it computes the longest questions that it accepts, and how soon it
 * ends them. `npm run bench:serve -- --help`.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { helpText, parseArguments, UsageError, wholeNumber, type CommandSpec } from '../src/cli/arguments.js'
import { FILES, visitAmongHostile } from '../test/support/hostile-clients.js'
import { post, until } from '../test/support/http.js'

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
/** Milliseconds between questions whether all is well. */
const EVERY = 10
/** Seconds for which the longest questions are watched. */
const WATCHED = 60
/** The limit that is measured, in seconds. */
const TIMEOUT = 2

/** Those that take longest: many words and many passages; few tokens for the encoder and many for the reader. */
const LONGEST = {
  'as many words as the encoder reads': { question: `What is ${'the capital of '.repeat(80)}France?`, topK: 50 },
  'one word of 3,900 letters': { question: `What is ${'a'.repeat(3900)}?`, topK: 50 },
}

const spec: CommandSpec = {
  name: 'bench:serve',
  positionals: [],
  summary: 'Measures how soon "glassformer serve" answers and ends, whatever it computes.',
  options: { rounds: { type: 'string', value: 'N', help: 'of what is measured once a round (default 10)' } },
}

interface Served {
  readonly process: ChildProcess
  readonly address: string
}

async function serve(...args: string[]): Promise<Served> {
  const child = spawn(process.execPath, [CLI, 'serve', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  await until(() => / at http:\S+\n/.test(printed) || child.exitCode !== null)
  const address = / at (http:\S+)\n/.exec(printed)?.[1]
  if (address === undefined) throw new Error('the server did not start')
  return { process: child, address }
}

async function end({ process }: Served): Promise<void> {
  const ended = once(process, 'exit')
  process.kill('SIGTERM')
  await ended
}

/** Milliseconds: the median, the 99th of 100, and the longest. */
function printTimes(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1)
  process.stdout.write(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms, of ${times.length}\n`)
}

async function watchHealth(): Promise<void> {
  const served = await serve('--timeout', String(WATCHED))
  await post(served.address, 'ask', { question: 'What is tea?' }) // all is loaded
  for (const [name, body] of Object.entries(LONGEST)) {
    const begun = performance.now()
    let status: number | undefined
    const asked = post(served.address, 'ask', body).then((response) => (status = response.status))
    const times: number[] = []
    while (status === undefined) {
      const sent = performance.now()
      await (await fetch(`${served.address}api/health`)).text()
      times.push(performance.now() - sent)
      await new Promise((resolve) => setTimeout(resolve, EVERY))
    }
    await asked
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    printTimes(`/api/health during ${name} (${status} after ${seconds} s)`, times)
  }
  await end(served)
}

async function watchTimeout(rounds: number): Promise<void> {
  const served = await serve('--timeout', String(TIMEOUT))
  for (const [name, body] of Object.entries(LONGEST)) {
    const [late, next]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      const sent = performance.now()
      const { status } = await post(served.address, 'ask', body)
      if (status !== 504) throw new Error(`${name}: ${status} in place of 504`)
      late.push(performance.now() - sent - TIMEOUT * 1000)
      const again = performance.now()
      await post(served.address, 'search', { question: 'What is tea?', topK: 1 })
      next.push(performance.now() - again)
    }
    printTimes(`from --timeout to the answer 504, ${name}`, late)
    printTimes(`  from there to the next answer`, next)
  }
  await end(served)
}

async function watchSignal(rounds: number): Promise<void> {
  for (const [name, body] of Object.entries(LONGEST)) {
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const served = await serve()
      const asked = post(served.address, 'ask', body)
      await new Promise((resolve) => setTimeout(resolve, 500 + 100 * round))
      const sent = performance.now()
      await end(served)
      times.push(performance.now() - sent)
      const { status } = await asked
      if (status !== 503) throw new Error(`${name}: ${status} in place of 503`)
    }
    printTimes(`from SIGTERM to the end of the process, ${name}`, times)
  }
}

async function watchHostile(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-bench-'))
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text)
  const files = Object.keys(FILES).map((name) => join(folder, name))
  const index = join(folder, 'notes.index')
  await once(spawn(process.execPath, [CLI, 'index', ...files, '--out', index], { stdio: 'ignore' }), 'exit')
  const served = await serve('--index', index)
  const { answered, lost, hostile } = await visitAmongHostile(served.address, 500, 20)
  const wrong = hostile.filter(({ status, expected }) => status !== expected)
  process.stdout.write(
    `500 requests, ${hostile.length} of them hostile: ${answered} of the others answered, ${lost.length} lost, ${wrong.length} of the hostile not refused as they should be\n`,
  )
  await end(served)
  rmSync(folder, { recursive: true })
}

async function main(args: readonly string[]): Promise<void> {
  const { help, options } = parseArguments(spec, args)
  if (help) {
    process.stdout.write(helpText(spec).replace('glassformer bench:serve', 'npm run bench:serve --'))
    return
  }
  const rounds = wholeNumber('rounds', options.rounds) ?? 10
  await watchHealth()
  await watchTimeout(rounds)
  await watchSignal(rounds)
  await watchHostile()
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}
