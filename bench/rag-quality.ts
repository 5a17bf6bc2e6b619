/**
 * `npm run rag-quality`: asks the pipeline about three corpora, its own facts, the documentation of this project and two manuals, and reports how
 * well passages are found, questions answered, and probabilities kept. See README.md.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  helpText,
  parseArguments,
  UsageError,
  wholeNumber,
  type Arguments,
  type CommandSpec,
} from '../src/cli/arguments.js'
import { AutoReader, Rag, type Answer, type AskOptions, type PromptAnswer, type SpanAnswer } from '../src/rag/index.js'
import type { AnyReader } from '../src/rag/reading/passage-reader.js'
import { askAll, type Reply } from './quality/ask-all.js'
import { openCorpora, worldQuestions } from './quality/corpora.js'
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
    'Asks the pipeline about its facts, the documentation of this project and two manuals, and reports how well it does.',
  options: {
    reader: { type: 'string', value: 'FOLDER', help: 'ask this model in place of the default reader' },
    'top-k': { type: 'string', value: 'N', help: 'passages that it reads (default 5)' },
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
  for (const name of ['reader', 'top-k']) {
    if (options.search && options[name] !== undefined) throw new UsageError(`--search and --${name} exclude each other`)
  }
  const out = typeof options.out === 'string' ? options.out : RESULTS
  const folder = await mkdtemp(join(tmpdir(), 'glassformer-quality-'))
  const record = async (name: string, content: string) => {
    await mkdir(out, { recursive: true })
    await writeFile(join(out, name), content)
  }
  const run: Run = { options, limit: options.small ? SMALL : undefined, folder, record }
  try {
    await (options.search ? measureSearch(run) : measureAnswers(run))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A reader on all corpora. It gives every answer; which of them are given is counted afterwards, for all thresholds. */
async function measureAnswers({ options, limit, folder, record }: Run): Promise<void> {
  const topK = wholeNumber('top-k', options['top-k'])
  const given = typeof options.reader === 'string' ? await AutoReader.fromPretrained(options.reader) : undefined
  const rag: Rag<AnyReader & { readonly minProbability: number }> = given
    ? await Rag.fromPretrained(undefined, { reader: given })
    : await Rag.fromPretrained()
  const ask = async (question: string): Promise<Reply> => {
    const answer = (await rag.ask(question, { topK, minProbability: 0 } as AskOptions<AnyReader>)) as
      Answer | PromptAnswer | SpanAnswer
    if (answer.mode !== 'span') return answer
    const passages = answer.passages.map(({ share, ...passage }) => ({ ...passage, posterior: share }))
    return { ...answer, kind: 'quoted', passages, pAnswerable: 1 - answer.pNoAnswer, quotes: answer }
  }
  try {
    const results: Result[] = []
    for await (const { name, questions, retriever } of openCorpora(rag, folder, limit)) {
      const onProgress = (done: number, total: number) => {
        if (done % 20 === 0 || done === total) process.stderr.write(`${name}: asked ${done}/${total}\n`)
      }
      const outcomes = await askAll(questions, { ask, retriever, onProgress })
      for (const part of ['tuning', 'held-out']) {
        const all = outcomes.filter((outcome) => outcome.part === part)
        if (all.length === 0) continue
        const quality = measure(withoutImprobable(all, rag.reader.minProbability), all)
        results.push({ name: `${name}, ${part}`, quality, outcomes: all })
      }
    }
    process.stdout.write(`${qualityTable(results)}\n\n${thresholdTable(results)}\n\n${coverageTable(results)}\n`)
    const machine = await describeMachine(rag.encoder.backend, {})
    const name = given ? `rag-quality-${basename(String(options.reader))}` : 'rag-quality'
    await record(`${name}.json`, `${JSON.stringify({ machine, topK, results }, null, 1)}\n`)
    await record(`${name}.svg`, chart(results))
  } finally {
    rag.dispose()
    given?.dispose()
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
