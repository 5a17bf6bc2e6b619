/**
 * `npm run rag-quality`: asks the default pipeline about two corpora, its own facts and the documentation of this project, and reports how
 * well passages are found, questions answered, and probabilities kept. See README.md.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
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
import { parseCorpus, Rag, StoreRetriever } from '../src/rag/index.js'
import { DEFAULT_WEIGHTS } from '../src/shipped-files.js'
import { askAll, type Asking, type QualityQuestion, type Reply } from './quality/ask-all.js'
import { documentationQuestions, indexDocumentation } from './quality/documentation.js'
import { measure, withoutImprobable, type Outcome, type Quality } from './quality/measures.js'
import { searchTable, searchVariants } from './quality/search-variants.js'
import { qualityTable, thresholdTable } from './quality/tables.js'
import { writeQuestions } from './questions.js'
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
    hybrid: { type: 'boolean', help: 'with --reader: search for words too' },
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
  for (const name of ['hybrid', 'top-k']) {
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

/** The default pipeline on both corpora. It gives every answer; which of them are given is counted afterwards, for all thresholds. */
async function measureDefault({ limit, folder, record }: Run): Promise<void> {
  const rag = await Rag.fromPretrained()
  const ask = (question: string) => rag.ask(question, { minProbability: 0 })
  try {
    const facts = await askNamed('world-facts', (await worldQuestions()).slice(0, limit), {
      ask,
      retriever: await rag.retriever(),
    })
    const written = (await documentationQuestions()).slice(0, limit)
    const store = await indexDocumentation(written, rag.encoder, join(folder, 'documentation.index'))
    const retriever = await StoreRetriever.open(rag.encoder, store)
    rag.use(retriever)
    const documentation = await askNamed('documentation', written, { ask, retriever })
    await store.close()

    const results = [facts, documentation].map(({ name, outcomes }) => {
      return { name, quality: measure(withoutImprobable(outcomes, rag.reader.minProbability)), outcomes }
    })
    process.stdout.write(`${qualityTable(results)}\n\n${thresholdTable(results)}\n`)
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
  const { reader, hybrid } = options
  const pipeline = await openPipeline({ index, reader, hybrid }, processTerminal(new AbortController().signal))
  try {
    const { encoder } = pipeline.rag
    const ask = async (question: string): Promise<Reply> => {
      const answer = await pipeline.rag.ask(question, { topK })
      if (answer.mode !== 'span') return answer
      const passages = answer.passages.map(({ share, ...passage }) => ({ ...passage, posterior: share }))
      return { ...answer, passages, logProb: Math.log(answer.probability), pAnswerable: 1 - answer.pNoAnswer }
    }
    const retriever = await StoreRetriever.open(encoder, pipeline.store!)
    const result = await askNamed('documentation', questions, { ask, retriever })
    process.stdout.write(`${qualityTable([result])}\n`)
    const machine = await describeMachine(encoder.backend, {})
    const settings = { hybrid: hybrid === true, topK: topK ?? 5 }
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

async function worldQuestions(): Promise<QualityQuestion[]> {
  const corpus = fileURLToPath(new URL('world-facts/passages.jsonl', DEFAULT_WEIGHTS))
  return writeQuestions(parseCorpus(await readFile(corpus, 'utf8'), corpus)).map(({ question, passage, answers }) => ({
    question,
    answers,
    isRight: passage === undefined ? undefined : ({ id }) => id === passage,
  }))
}

function chart(results: readonly Result[]): string {
  const series = (pick: 'support' | 'pAnswerable') =>
    results.map(({ name, quality }) => ({ name, calibration: quality[pick] }))
  return reliabilityChart('Do the probabilities mean what they say?', [
    {
      title: 'The passage behind an answer',
      predicted: 'largest posterior of a passage, times p(answerable)',
      happened: 'share in which it holds the answer',
      series: series('support'),
    },
    {
      title: 'Whether there is an answer',
      predicted: 'p(answerable)',
      happened: 'share that can be answered',
      series: series('pAnswerable'),
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
