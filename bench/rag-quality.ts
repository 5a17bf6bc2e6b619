/**
 * `npm run rag-quality`: asks the default pipeline about two corpora, its own facts and the documentation of this project, and reports how
 * well passages are found, questions answered, and probabilities kept. See README.md.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  helpText,
  parseArguments,
  UsageError,
  wholeNumber,
  type Arguments,
  type CommandSpec,
} from '../src/cli/arguments.js'
import { openPipeline } from '../src/cli/pipeline.js'
import { processTerminal } from '../src/cli/terminal.js'
import { Rag } from '../src/rag/index.js'
import { askAll, type Asking, type QualityQuestion, type Reply } from './quality/ask-all.js'
import { openCorpora, worldQuestions } from './quality/corpora.js'
import { documentationQuestions, indexDocumentation } from './quality/documentation.js'
import { measure, withoutImprobable, type Outcome, type Quality } from './quality/measures.js'
import { searchTable, searchVariants } from './quality/search-variants.js'
import { coverageTable, qualityTable, thresholdTable } from './quality/tables.js'
import { describeMachine } from './report/machine.js'
import { reliabilityChart } from './report/reliability-chart.js'

const RESULTS = fileURLToPath(new URL('results', import.meta.url))
/** Questions about each corpus with --small. */
const SMALL = 4

const spec: CommandSpec = {
  name: 'rag-quality',
  positionals: [],
  summary:
    'Asks the default pipeline about its facts and about the documentation of this project, and reports how well it does.',
  options: {
    reader: { type: 'string', value: 'FOLDER', help: 'ask this model, about the documentation alone' },
    'vectors-only': { type: 'boolean', help: 'with --reader: do not search for words too' },
    'top-k': { type: 'string', value: 'N', help: 'with --reader: passages that it reads (default 5)' },
    search: { type: 'boolean', help: 'only search: with passages of several sizes, by vectors and by words too' },
    small: { type: 'boolean', help: `ask ${SMALL} questions about each, to see that everything runs` },
    out: { type: 'string', value: 'FOLDER', help: 'where the JSON and the chart go (default bench/results)' },
  },
}

/** What came of the questions about one corpus. */
interface Result {
  readonly name: string
  readonly quality: Quality
  readonly outcomes: readonly Outcome[]
}

interface Run {
  readonly options: Arguments['options']
  /** Questions about each corpus; all unless told. */
  readonly limit: number | undefined
  /** For what is thrown away. */
  readonly folder: string
  /** Writes a file of results. */
  readonly record: (name: string, content: string) => Promise<void>
}

async function main(args: readonly string[]): Promise<void> {
  const { help, options } = parseArguments(spec, args)
  if (help) {
    process.stdout.write(helpText(spec).replace('glassformer rag-quality', 'npm run rag-quality --'))
    return
  }
  for (const name of ['vectors-only', 'top-k']) {
    if (options[name] !== undefined && !options.reader) throw new UsageError(`--${name} is for --reader`)
  }
  if (options.search && options.reader) throw new UsageError('--search and --reader exclude each other')
  const out = typeof options.out === 'string' ? options.out : RESULTS
  const folder = await mkdtemp(join(tmpdir(), 'glassformer-quality-'))
  const record = async (name: string, content: string) => {
    await mkdir(out, { recursive: true })
    await writeFile(join(out, name), content)
  }
  const run: Run = { options, limit: options.small ? SMALL : undefined, folder, record }
  try {
    await (options.search ? measureSearch(run) : options.reader ? measureReader(run) : measureDefault(run))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The default pipeline on all corpora. It gives every answer; which of them are given is counted afterwards, for all thresholds. */
async function measureDefault({ limit, folder, record }: Run): Promise<void> {
  const rag = await Rag.fromPretrained()
  try {
    const results: Result[] = []
    for await (const { name, questions, ...asking } of openCorpora(rag, folder, { limit, minProbability: 0 })) {
      const { outcomes } = await askNamed(name, questions, asking)
      for (const part of ['tuning', 'held-out']) {
        const all = outcomes.filter((outcome) => outcome.part === part)
        if (all.length === 0) continue
        const quality = measure(withoutImprobable(all, rag.reader.minProbability), all)
        results.push({ name: `${name}, ${part}`, quality, outcomes: all })
      }
    }
    process.stdout.write(`${qualityTable(results)}\n\n${thresholdTable(results)}\n\n${coverageTable(results)}\n`)
    const machine = await describeMachine(rag.encoder.backend, {})
    await record('rag-quality.json', `${JSON.stringify({ machine, results }, null, 1)}\n`)
    await record('rag-quality.svg', chart(results))
  } finally {
    rag.dispose()
  }
}

/** The documentation, asked as `glassformer ask --index … --reader …` does. */
async function measureReader({ options, limit, folder, record }: Run): Promise<void> {
  const topK = wholeNumber('top-k', options['top-k'])
  const questions = (await documentationQuestions()).slice(0, limit)
  const index = join(folder, 'documentation.index')
  const indexer = await Rag.fromPretrained()
  await (await indexDocumentation(questions, indexer.encoder, index)).close()
  indexer.dispose()
  const { reader, 'vectors-only': vectorsOnly } = options
  const pipeline = await openPipeline(
    { index, reader, 'vectors-only': vectorsOnly },
    processTerminal(new AbortController().signal),
  )
  try {
    const { encoder } = pipeline.rag
    const ask = async (question: string): Promise<Reply> => {
      const answer = await pipeline.rag.ask(question, { topK })
      if (answer.mode !== 'span') return answer
      const passages = answer.passages.map(({ share, ...passage }) => ({ ...passage, posterior: share }))
      return { ...answer, passages, logProb: Math.log(answer.probability), pAnswerable: 1 - answer.pNoAnswer }
    }
    const retriever = { retrieve: (question: string, k: number) => pipeline.rag.retrieve(question, { topK: k }) }
    const result = await askNamed('documentation', questions, { ask, retriever })
    process.stdout.write(`${qualityTable([result])}\n`)
    const machine = await describeMachine(encoder.backend, {})
    const settings = { hybrid: vectorsOnly !== true, topK: topK ?? 5 }
    await record('rag-quality-reader.json', `${JSON.stringify({ machine, settings, results: [result] }, null, 1)}\n`)
  } finally {
    await pipeline.close()
  }
}

async function measureSearch({ limit, folder, record }: Run): Promise<void> {
  const rag = await Rag.fromPretrained()
  try {
    const variants = await searchVariants(rag.encoder, {
      facts: await rag.retriever(),
      factQuestions: await worldQuestions(),
      limit,
      folder,
      onVariant: ({ corpus, passages }) => process.stderr.write(`${corpus}: searched ${passages} passages\n`),
    })
    process.stdout.write(`${searchTable(variants)}\n`)
    await record('rag-quality-search.json', `${JSON.stringify({ variants }, null, 1)}\n`)
  } finally {
    rag.dispose()
  }
}

async function askNamed(
  name: string,
  questions: readonly QualityQuestion[],
  asking: Omit<Asking, 'onProgress'>,
): Promise<Result> {
  const onProgress = (done: number, total: number) => {
    if (done % 20 === 0 || done === total) process.stderr.write(`${name}: asked ${done}/${total}\n`)
  }
  const outcomes = await askAll(questions, { ...asking, onProgress })
  return { name, quality: measure(outcomes), outcomes }
}

function chart(results: readonly Result[]): string {
  return reliabilityChart('Do the probabilities mean what they say?', [
    {
      title: 'Whether the answer is right',
      predicted: 'p(right)',
      happened: 'share that is right',
      series: results.map(({ name, quality }) => ({ name, calibration: quality.probability })),
    },
  ])
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`rag-quality: ${error.message}\n`)
  process.exitCode = 2
}
