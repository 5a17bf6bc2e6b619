/**
 * Learns how the default reader judges its answers: npx tsx weights/recipe/span/judge.ts [WEIGHTS]
 * Which quote fits best and how likely it is right go into span-reader/config.json, how likely a worded answer is right into calibration.json.
 * Every other question of bench/quality is learnt from (of the manuals, the part for tuning); npm run rag-quality reports on the others.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCorpora } from '../../../bench/quality/corpora.js'
import { holds } from '../../../bench/quality/measures.js'
import { Calibration, QuotingReader, Rag, Reader, SpanReader, type QuotedSpan, type Signals } from '../../../src/rag/index.js'
import { weighPassages } from '../../../src/rag/rag.js'
import { COMPARED_SPANS, rankQuotes } from '../../../src/rag/reading/quote-ranking.js'
import { searchSpans, type SpanWindow } from '../../../src/rag/reading/span-search.js'
import type { WeighedPassage } from '../../../src/rag/reading/passage-reader.js'

/** What the order of quotes and each probability are made of. */
const RANKING = ['score', 'overlap', 'similarity'] as const
const QUOTED = ['score', 'lead', 'quoted']
const SAID = ['logit', 'span', 'agreement', 'supported', 'overlap']
/** Strength of the prior that weights are small, in questions. */
const RIDGE = 0.5

/** Notes what it is asked about, and answers as it is told. */
class Recorder extends Calibration {
  readonly seen: Signals[] = []
  reply = 0

  override probability(signals: Signals): number {
    this.seen.push(signals)
    return this.reply
  }
}

interface Asked {
  readonly name: string
  readonly question: string
  readonly passages: readonly WeighedPassage[]
  readonly windows: readonly SpanWindow[]
  readonly isRightQuote: (quote: QuotedSpan) => boolean
  readonly isRightText: (text: string) => boolean
}

interface Example {
  readonly corpus: string
  readonly signals: Signals
  readonly right: boolean
}

const weights = process.argv[2] ?? 'weights'
/** What the T5's answers to its training questions (make_data.py, 20,000 of them) add to the words of passage and question, three times or more often. */
const ownWords =
  'is are was has the The a A an An of in on for by to be can People person lives speak covers borders leads works starts means came currency chemical organised held based founded made written takes costs returned stands eats died'.split(
    ' ',
  )
const folder = await mkdtemp(join(tmpdir(), 'glassformer-judge-'))
const wording = await Reader.fromPretrained('weights/reader')
const pointing = await SpanReader.fromPretrained(join(weights, 'span-reader'))
const rag = await Rag.fromPretrained()
const asked: Asked[] = []
for await (const { name, questions, retriever } of openCorpora(rag, folder)) {
  for (const { question, answers } of questions.filter(({ part }) => part === 'tuning')) {
    const passages = weighPassages(await retriever.retrieve(question, 5))
    asked.push({
      name,
      question,
      passages,
      windows: await pointing.read(question, passages),
      isRightText: (text) => answers.some((answer) => holds(text, answer)),
      // a sentence is expected of the facts, and the words that it turns on are what a quote has to hold
      isRightQuote: ({ text, quote }) =>
        answers.some((answer) => (name === 'world-facts' ? holds(answer, text) : holds(quote.text, answer))),
    })
  }
  process.stderr.write(`${name}: read\n`)
}

const ranking = learnRanking()
const [said, worded, quoted] = [new Recorder(), new Recorder(), new Recorder()]
const quoting = new SpanReader(pointing.model, pointing.tokenizer, {
  minProbability: 0,
  calibration: quoted,
  ranking: new Calibration(0, new Map(Object.entries(ranking))),
})
const reader = new QuotingReader(wording, quoting, { said, worded, minProbability: 0, preferSaid: 1, ownWords })
const examples: Record<'said' | 'worded' | 'quoted', Example[]> = { said: [], worded: [], quoted: [] }
for (const { name: corpus, question, passages, windows, isRightQuote, isRightText } of asked) {
  quoted.seen.length = 0
  const quotes = reader.quote(windows, question, passages)
  if (quotes.spans.length > 0) examples.quoted.push({ corpus, signals: quoted.seen[0], right: isRightQuote(quotes.spans[0]) })
  const reading = await reader.read(question, passages)
  // the answer to the passages; and that to the quote, which is asked for where the first is not given
  for (const [kind, recorder, probability] of [
    ['said', said, 0],
    ['worded', worded, 0.5],
  ] as const) {
    for (const one of [said, worded]) one.reply = Number(one === recorder)
    recorder.seen.length = 0
    const answer = await reader.judge(reading, { ...quotes, probability }, question, passages)
    if (answer.kind === 'said' && recorder.seen.length > 0)
      examples[kind].push({ corpus, signals: recorder.seen[0], right: isRightText(answer.text) })
  }
}
await writeJson(join(weights, 'calibration.json'), {
  min_probability: 0.5,
  prefer_said: 0.5,
  own_words: ownWords,
  said: fit(examples.said, SAID),
  worded: fit(examples.worded, SAID),
})
const config = join(weights, 'span-reader/config.json')
await writeJson(config, {
  ...(JSON.parse(await readFile(config, 'utf8')) as object),
  task_specific_params: { rag: { min_probability: 0.5, ranking: { bias: 0, ...ranking }, calibration: fit(examples.quoted, QUOTED) } },
})
rag.dispose()
reader.dispose()
await rm(folder, { recursive: true })

async function writeJson(path: string, content: object): Promise<void> {
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`)
}

/** Weights with which a softmax over the quotes of a question puts most on the right ones, by gradient descent. */
function learnRanking(): Record<string, number> {
  const groups = asked.flatMap(({ name, question, passages, windows, isRightQuote }) => {
    const { spans } = searchSpans(windows, passages.length, COMPARED_SPANS)
    const quotes = rankQuotes(question, passages, spans, pointing.ranking)
    const right = quotes.map(isRightQuote)
    if (!right.includes(true)) return []
    return { name, inputs: quotes.map(({ score, overlap, passage }) => [score, overlap, passages[passage].score]), right }
  })
  const sizes = new Map<string, number>()
  for (const { name } of groups) sizes.set(name, (sizes.get(name) ?? 0) + 1)
  let weights = RANKING.map((_, i) => Number(i === 0))
  for (let step = 0; step < 4000; step++) {
    const gradient = weights.map((weight) => 0.001 * weight)
    for (const { name, inputs, right } of groups) {
      const scores = inputs.map((input) => input.reduce((sum, x, i) => sum + x * weights[i], 0))
      const highest = Math.max(...scores)
      const shares = scores.map((score) => Math.exp(score - highest))
      const sum = (wanted: boolean) => shares.reduce((total, share, n) => total + (wanted && !right[n] ? 0 : share), 0)
      const [all, good] = [sum(false), sum(true)]
      inputs.forEach((input, n) => {
        const pull = (shares[n] / all - (right[n] ? shares[n] / good : 0)) / sizes.get(name)! // each corpus counts as much
        input.forEach((x, i) => (gradient[i] += pull * x))
      })
    }
    // a score is of the order of ten, and the others of one
    weights = weights.map((weight, i) => weight - (i === 0 ? 0.01 : 1) * gradient[i])
  }
  for (const corpus of sizes.keys()) {
    const first = (by: (input: readonly number[]) => number) =>
      groups.filter(({ name, inputs, right }) => {
        const fits = inputs.map(by)
        return name === corpus && right[fits.indexOf(Math.max(...fits))]
      }).length
    const [before, after] = [first(([score]) => score), first((input) => input.reduce((sum, x, i) => sum + x * weights[i], 0))]
    process.stderr.write(`${corpus}: right among ${COMPARED_SPANS} quotes ${sizes.get(corpus)}, first by score ${before}, by fit ${after}\n`)
  }
  return Object.fromEntries(RANKING.map((name, i) => [name, Number(weights[i].toFixed(4))]))
}

/** Logistic regression by Newton's method. Each corpus counts as much. */
function fit(rows: readonly Example[], names: readonly string[]): Record<string, number> {
  const inputs = rows.map(({ signals }) => [1, ...names.map((name) => signals[name])])
  const sizes = new Map<string, number>()
  for (const { corpus } of rows) sizes.set(corpus, (sizes.get(corpus) ?? 0) + 1)
  let weights = new Array<number>(names.length + 1).fill(0)
  for (let step = 0; step < 30; step++) {
    const gradient = weights.map((weight, i) => (i === 0 ? 0 : RIDGE * weight))
    const hessian = weights.map((_, i) => weights.map((_, j) => (i === j ? (i === 0 ? 1e-6 : RIDGE) : 0)))
    for (const [n, input] of inputs.entries()) {
      const p = 1 / (1 + Math.exp(-input.reduce((sum, x, i) => sum + x * weights[i], 0)))
      const share = rows.length / sizes.size / sizes.get(rows[n].corpus)!
      input.forEach((x, i) => {
        gradient[i] += share * (p - Number(rows[n].right)) * x
        input.forEach((y, j) => (hessian[i][j] += share * p * (1 - p) * x * y))
      })
    }
    const change = solve(hessian, gradient)
    weights = weights.map((weight, i) => weight - change[i])
  }
  const [bias, ...rest] = weights.map((weight) => Number(weight.toFixed(4)))
  return { bias, ...Object.fromEntries(names.map((name, i) => [name, rest[i]])) }
}

/** Gauss's elimination with pivots. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]])
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows.reduce((best, row, k) => (k >= i && Math.abs(row[i]) > Math.abs(rows[best][i]) ? k : best), i)
    ;[rows[i], rows[pivot]] = [rows[pivot], rows[i]]
    for (let k = 0; k < rows.length; k++) {
      if (k === i) continue
      const factor = rows[k][i] / rows[i][i]
      rows[k] = rows[k].map((x, j) => x - factor * rows[i][j])
    }
  }
  return rows.map((row, i) => row[rows.length] / row[i])
}
