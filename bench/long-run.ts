/**
 * `npm run bench:long`: does memory grow in a program that runs for long? A pipeline that is loaded and dropped, a server, a page. See README.md.
 */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { helpText, parseArguments, UsageError, wholeNumber, type CommandSpec } from '../src/cli/arguments.js'
import { bestBackend } from './backend.js'
import { runCycles } from './long-run/cycles.js'
import { ALLOWED, charted, FIRST, growthOf, type LongRun } from './long-run/growth.js'
import { runPage } from './long-run/page.js'
import { runServe } from './long-run/serve.js'
import { lineChart } from './report/line-chart.js'
import { describeMachine } from './report/machine.js'

const RESULTS = fileURLToPath(new URL('results', import.meta.url))

/** Each run, with how much is done unless told. */
const RUNS = {
  cycles: { count: 1000, run: runCycles, help: 'times that a pipeline is loaded, asked and disposed of' },
  requests: { count: 10_000, run: runServe, help: 'requests to "glassformer serve"' },
  questions: { count: 1000, run: runPage, help: 'questions in a page of chromium' },
} as const
type RunName = keyof typeof RUNS
const NAMES = Object.keys(RUNS) as RunName[]

const spec: CommandSpec = {
  name: 'bench:long',
  positionals: [],
  summary: 'Measures whether memory grows in programs that run for long.',
  options: {
    ...Object.fromEntries(
      NAMES.map((name) => [
        name,
        { type: 'string', value: 'N', help: `${RUNS[name].help} (default ${RUNS[name].count}; 0: none)` },
      ]),
    ),
    out: { type: 'string', value: 'FOLDER', help: 'where the JSON and the chart go (default bench/results)' },
  },
  details: 'A run that is left out keeps its results in the JSON, and its line in the chart.',
}

type Results = Partial<Record<RunName, LongRun>>

async function main(args: readonly string[]): Promise<void> {
  const { help, options } = parseArguments(spec, args)
  if (help) {
    process.stdout.write(helpText(spec).replace('glassformer bench:long', 'npm run bench:long --'))
    return
  }
  const counts = NAMES.map((name) => [name, wholeNumber(name, options[name], 0) ?? RUNS[name].count] as const)
  const out = typeof options.out === 'string' ? options.out : RESULTS
  await mkdir(out, { recursive: true })
  for (const [name, count] of counts) {
    if (count === 0) continue
    const onProgress = (done: number) => {
      if (done % Math.ceil(count / 20) === 0) process.stderr.write(`${name}: ${done}/${count}\n`)
    }
    await record(out, name, await RUNS[name].run(count, onProgress))
  }
  const results = await readResults(out)
  await writeFile(join(out, 'long-run.svg'), chart(results))
  process.stdout.write(`${table(results)}\n`)
}

/** Puts a run into the results, which others may have been put into meanwhile. */
async function record(out: string, name: RunName, run: LongRun): Promise<void> {
  const results: Results = { ...(await readResults(out)), [name]: run }
  const backend = await bestBackend(1)
  const machine = await describeMachine(backend, {})
  backend.dispose()
  await writeFile(join(out, 'long-run.json'), `${JSON.stringify({ machine, results })}\n`)
}

async function readResults(out: string): Promise<Results> {
  const path = join(out, 'long-run.json')
  if (!existsSync(path)) return {}
  return (JSON.parse(await readFile(path, 'utf8')) as { readonly results: Results }).results
}

function chart(results: Results): string {
  const series = NAMES.flatMap((each) => results[each] ?? []).map(({ name, unit, samples }) => ({
    name: `${name} (${unit})`,
    points: charted(samples).map(([done, bytes]) => [done, bytes / 1e6] as const),
  }))
  return lineChart({ name: 'long-run', title: 'Resident memory in long runs', x: 'done', y: 'MB', series })
}

function table(results: Results): string {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1).padStart(7)
  const rows = NAMES.flatMap((name) => {
    const run = results[name]
    if (!run) return []
    const { first, last, most, growth } = growthOf(run.samples)
    const done = `${run.samples.at(-1)![0].toLocaleString('en')} ${run.unit}`
    const verdict = growth <= ALLOWED ? 'kept' : 'MISSED'
    return [
      `${run.name.padEnd(22)} ${done.padEnd(16)} ${megabytes(first)} ${megabytes(last)} ${megabytes(most)}  ${(100 * growth).toFixed(1).padStart(5)} %  ${verdict}  ${(run.seconds / 60).toFixed(1)} min`,
    ]
  })
  return [
    `MB resident: after the first ${FIRST}, at the end, at most; growth (at most ${100 * ALLOWED} %)`,
    ...rows,
  ].join('\n')
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof UsageError ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
})
