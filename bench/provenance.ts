/**
 * `npm run provenance`: asks the 200 questions of the evaluation and reports how often the word that a token is said to come from is one
 * that the token depends on, beside plain attention. `npm run provenance -- --help`.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { helpText, parseArguments, UsageError, wholeNumber, type CommandSpec } from '../src/cli/arguments.js'
import { parseCorpus, Rag } from '../src/rag/index.js'
import { DEFAULT_WEIGHTS } from '../src/shipped-files.js'
import { checkQuestion, rate, type Case, type Rate } from './causal-check.js'
import { writeQuestions } from './questions.js'

const spec: CommandSpec = {
  name: 'provenance',
  positionals: [],
  summary:
    'Removes the words that answers are said to come from, and reports how often that lowers a token more than removing others.',
  options: {
    limit: { type: 'string', value: 'N', help: 'ask only the first N of the 200 questions' },
    json: { type: 'boolean', help: 'print as JSON' },
  },
}

/** Which tokens a row counts. */
const ROWS: readonly (readonly [string, (each: Case) => boolean])[] = [
  ['all content tokens', () => true],
  ['of words not in the question', ({ inQuestion }) => !inQuestion],
  ['of words in the question', ({ inQuestion }) => inQuestion],
  ['where the two name different words', ({ named, raw }) => named.word !== raw.word],
]

interface Row {
  readonly tokens: string
  readonly sources: Rate
  readonly rawAttention: Rate
}

async function main(args: readonly string[]): Promise<void> {
  const { help, options } = parseArguments(spec, args)
  if (help) {
    process.stdout.write(helpText(spec).replace('glassformer provenance', 'npm run provenance --'))
    return
  }
  const limit = wholeNumber('limit', options.limit)
  const corpus = fileURLToPath(new URL('world-facts/passages.jsonl', DEFAULT_WEIGHTS))
  const questions = writeQuestions(parseCorpus(await readFile(corpus, 'utf8'), corpus)).slice(0, limit)
  const rag = await Rag.fromPretrained()
  const cases: Case[] = []
  for (const [i, { question }] of questions.entries()) {
    cases.push(...(await checkQuestion(rag, question)))
    if ((i + 1) % 20 === 0 || i + 1 === questions.length) process.stderr.write(`asked ${i + 1}/${questions.length}\n`)
  }
  rag.dispose()
  const rows = ROWS.map(([tokens, counts]): Row => {
    const counted = cases.filter(counts)
    return { tokens, sources: rate(counted, 'named'), rawAttention: rate(counted, 'raw') }
  }).filter(({ sources }) => sources.cases > 0)
  const answered = new Set(cases.map(({ question }) => question)).size
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ questions: questions.length, answered, rows }, null, 2)}\n`
      : `${questions.length} questions, ${answered} of them answered\n\n${table(rows)}\n`,
  )
}

function table(rows: readonly Row[]): string {
  const columns = ['tokens', 'count', 'named by', 'lowers more than another', 'lowers most', 'drop', 'drop of others']
  const cells = rows.flatMap(({ tokens, ...named }) =>
    (['sources', 'rawAttention'] as const).map((which, i) => {
      const { cases, rate, low, high, greatest, drop, others } = named[which]
      return [
        i === 0 ? tokens : '',
        i === 0 ? String(cases) : '',
        which === 'sources' ? 'sources' : 'raw attention',
        `${rate.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`,
        ...[greatest, drop, others].map((value) => value.toFixed(3)),
      ]
    }),
  )
  const widths = columns.map((column, c) => Math.max(column.length, ...cells.map((row) => row[c].length)))
  return [columns, ...cells]
    .map((row) =>
      row
        .map((cell, c) => cell.padEnd(widths[c]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`provenance: ${error.message}\n`)
  process.exitCode = 2
}
