/**
 * `npm run eval`: asks the default pipeline 200 questions about its corpus and reports how well it does. `npm run eval -- --help`.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { helpText, parseArguments, UsageError, wholeNumber, type CommandSpec } from '../src/cli/arguments.js'
import { DEFAULT_WEIGHTS } from '../src/shipped-files.js'
import { parseCorpus, Rag } from '../src/rag/index.js'
import { agree, askAll, isRight, report, type Agreement, type Asked, type Report } from './evaluate.js'
import { writeQuestions } from './questions.js'

const spec: CommandSpec = {
  name: 'eval',
  positionals: [],
  summary: 'Asks the default pipeline questions about its corpus and reports how often it is right.',
  options: {
    limit: { type: 'string', value: 'N', help: 'ask only the first N of the 200 questions' },
    int8: { type: 'boolean', help: 'ask with int8 weights, and compare with the answers of the float ones' },
    json: { type: 'boolean', help: 'print the report and every answer as JSON' },
  },
}

async function main(args: readonly string[]): Promise<void> {
  const { help, options } = parseArguments(spec, args)
  if (help) {
    process.stdout.write(helpText(spec).replace('glassformer eval', 'npm run eval --'))
    return
  }
  const limit = wholeNumber('limit', options.limit)
  const corpus = fileURLToPath(new URL('world-facts/passages.jsonl', DEFAULT_WEIGHTS))
  const questions = writeQuestions(parseCorpus(await readFile(corpus, 'utf8'), corpus)).slice(0, limit)
  const rag = await Rag.fromPretrained(undefined, { dtype: options.int8 ? 'int8' : undefined })
  const results = await askAll(rag, questions, showProgress)
  const agreement = options.int8 ? await compareWithFloat(rag, results) : undefined
  rag.dispose()
  const answers = results.map(({ asked, ...result }) => ({ ...asked, ...result, right: isRight({ asked, ...result }) }))
  const text = options.json
    ? JSON.stringify({ report: report(results), agreement, answers }, null, 2)
    : describe(report(results), agreement)
  process.stdout.write(`${text}\n`)
}

function showProgress(done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\rasked ${done}/${total}${done === total ? '\n' : ''}`)
  else if (done % 20 === 0 || done === total) process.stderr.write(`asked ${done}/${total}\n`)
}

/** Asks the same questions with float weights. */
async function compareWithFloat(rag: Rag, results: readonly Asked[]): Promise<Agreement> {
  const float = await Rag.fromPretrained()
  const agreement = await agree(rag, float, results, showProgress)
  float.dispose()
  return agreement
}

function describe({ kinds, questions, answerable, ...shares }: Report, agreement: Agreement | undefined): string {
  const rows: [string, string][] = [
    ['questions', `${questions}, ${answerable} of them answerable`],
    ['retrieval recall@1', shares.recallAt1.toFixed(3)],
    ['retrieval recall@5', shares.recallAt5.toFixed(3)],
    ['exact match', shares.exactMatch.toFixed(3)],
    ['abstention precision', shares.abstentionPrecision.toFixed(3)],
    ['abstention recall', shares.abstentionRecall.toFixed(3)],
    ...kinds.map(({ kind, asked, right }): [string, string] => [`right: ${kind}`, `${right} of ${asked}`]),
  ]
  if (agreement) {
    rows.push(['answers as with float', `${agreement.sameAnswers} of ${questions}`])
    rows.push([
      'cosine of questions',
      `mean ${agreement.meanCosine.toFixed(5)}, least ${agreement.leastCosine.toFixed(5)}`,
    ])
  }
  return rows.map(([name, value]) => `${name.padEnd(22)}${value}`).join('\n')
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`eval: ${error.message}\n`)
  process.exitCode = 2
}
