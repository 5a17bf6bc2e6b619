/**
 * `npm run rag-quality`: asks the default pipeline about two corpora, its own facts and the documentation of this project, and reports how
 * well passages are found, questions answered, and probabilities kept. See README.md.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { helpText, parseArguments, UsageError, type CommandSpec } from '../src/cli/arguments.js'
import { parseCorpus, Rag, StoreRetriever } from '../src/rag/index.js'
import { DEFAULT_WEIGHTS } from '../src/shipped-files.js'
import { askAll, type Asking, type QualityQuestion } from './quality/ask-all.js'
import { documentationQuestions, indexDocumentation } from './quality/documentation.js'
import { measure, RANKS, type Outcome, type Quality } from './quality/measures.js'
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
    small: { type: 'boolean', help: `ask ${SMALL} questions about each, to see that everything runs` },
    out: { type: 'string', value: 'FOLDER', help: 'where the JSON and the chart go (default bench/results)' },
  },
}

interface Result {
  readonly name: string
  readonly quality: Quality
  readonly outcomes: readonly Outcome[]
}

async function main(args: readonly string[]): Promise<void> {
  const { help, options } = parseArguments(spec, args)
  if (help) {
    process.stdout.write(helpText(spec).replace('glassformer rag-quality', 'npm run rag-quality --'))
    return
  }
  const out = typeof options.out === 'string' ? options.out : RESULTS
  const limit = options.small ? SMALL : undefined
  const folder = await mkdtemp(join(tmpdir(), 'glassformer-quality-'))
  const rag = await Rag.fromPretrained()
  try {
    const run = async (name: string, questions: readonly QualityQuestion[], retriever: Asking['retriever']) => {
      const onProgress = (done: number, total: number) => {
        if (done % 20 === 0 || done === total) process.stderr.write(`${name}: asked ${done}/${total}\n`)
      }
      const outcomes = await askAll(questions, { rag, retriever, onProgress })
      return { name, quality: measure(outcomes), outcomes }
    }
    const facts = await run('world-facts', (await worldQuestions()).slice(0, limit), await rag.retriever())
    const written = (await documentationQuestions()).slice(0, limit)
    const store = await indexDocumentation(written, rag.encoder, join(folder, 'documentation.index'))
    const retriever = await StoreRetriever.open(rag.encoder, store)
    rag.use(retriever)
    const documentation = await run('documentation', written, retriever)
    await store.close()

    const results = [facts, documentation]
    process.stdout.write(`${table(results)}\n`)
    const machine = await describeMachine(rag.encoder.backend, {})
    await mkdir(out, { recursive: true })
    await writeFile(join(out, 'rag-quality.json'), `${JSON.stringify({ machine, results }, null, 1)}\n`)
    await writeFile(join(out, 'rag-quality.svg'), chart(results))
  } finally {
    rag.dispose()
    await rm(folder, { recursive: true })
  }
}

async function worldQuestions(): Promise<QualityQuestion[]> {
  const corpus = fileURLToPath(new URL('world-facts/passages.jsonl', DEFAULT_WEIGHTS))
  return writeQuestions(parseCorpus(await readFile(corpus, 'utf8'), corpus)).map(({ question, passage, answers }) => ({
    question,
    answers,
    isRight: passage === undefined ? undefined : ({ id }) => id === passage,
  }))
}

function table(results: readonly Result[]): string {
  const share = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(3))
  const rows: [string, (quality: Quality) => string][] = [
    ['questions', ({ questions }) => String(questions)],
    ['answerable', ({ answerable }) => String(answerable)],
    ...RANKS.map((k): [string, (quality: Quality) => string] => [`recall@${k}`, ({ recallAt }) => share(recallAt[k])]),
    ['mean reciprocal rank', (quality) => share(quality.meanReciprocalRank)],
    ['exact match', (quality) => share(quality.exactMatch)],
    ['answer holds the right one', (quality) => share(quality.holdsAnswer)],
    ['abstention precision', (quality) => share(quality.abstentionPrecision)],
    ['abstention recall', (quality) => share(quality.abstentionRecall)],
    ['posterior: ECE', ({ posterior }) => share(posterior.ece)],
    ['posterior: Brier', ({ posterior }) => share(posterior.brier)],
    ['p(answerable): ECE', ({ pAnswerable }) => share(pAnswerable.ece)],
    ['p(answerable): Brier', ({ pAnswerable }) => share(pAnswerable.brier)],
  ]
  const line = (name: string, cells: readonly string[]) =>
    name.padEnd(28) + cells.map((cell) => cell.padStart(15)).join('')
  return [
    line(
      '',
      results.map(({ name }) => name),
    ),
    ...rows.map(([name, cell]) =>
      line(
        name,
        results.map(({ quality }) => cell(quality)),
      ),
    ),
  ].join('\n')
}

function chart(results: readonly Result[]): string {
  const series = (pick: 'posterior' | 'pAnswerable') =>
    results.map(({ name, quality }) => ({ name, calibration: quality[pick] }))
  return reliabilityChart('Do the probabilities mean what they say?', [
    {
      title: 'The passage behind an answer',
      predicted: 'largest posterior of a passage',
      happened: 'share in which it holds the answer',
      series: series('posterior'),
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
