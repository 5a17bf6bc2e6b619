/**
 * Learns weights/calibration.json, by which the default reader judges its answers: npx tsx weights/recipe/span/judge.ts [OUT.json]
 * Every other question of bench/quality is learnt from (of the manuals, the part for tuning); npm run rag-quality reports on the others.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCorpora } from '../../../bench/quality/corpora.js'
import { holds } from '../../../bench/quality/measures.js'
import { type Answer, Calibration, QuotingReader, Rag, Reader, SpanReader, type Signals } from '../../../src/rag/index.js'

/** What each probability is made of. */
const SAID = ['logit', 'answerable', 'similarity', 'span', 'agreement', 'supported', 'overlap']
const QUOTED = ['logit', 'score', 'answerable', 'lead', 'similarity', 'overlap']
/** Strength of the prior that weights are small, in questions. */
const RIDGE = 2

/** Notes what it is asked about, and answers as it is told. */
class Recorder extends Calibration {
  readonly seen: Signals[] = []
  replies: readonly number[] = []

  override probability(signals: Signals): number {
    return this.replies[this.seen.push(signals) - 1] ?? 0
  }
}

interface Example {
  readonly signals: Signals
  readonly right: boolean
}

const out = process.argv[2] ?? 'weights/calibration.json'
const folder = await mkdtemp(join(tmpdir(), 'glassformer-judge-'))
const [said, quoted] = [new Recorder(), new Recorder()]
const reader = new QuotingReader(
  await Reader.fromPretrained('weights/reader'),
  await SpanReader.fromPretrained('weights/span-reader'),
  { said, quoted, minProbability: 0, preferSaid: 1 },
)
const rag = await Rag.fromPretrained(undefined, { reader })
const examples: Record<'said' | 'quoted', Example[]> = { said: [], quoted: [] }
try {
  for await (const { name, questions, ask } of openCorpora(rag, folder)) {
    for (const { question, answers } of questions.filter(({ part }) => part === 'tuning')) {
      const isRight = ({ kind, text, quotes }: Answer) =>
        answers.some((answer) =>
          // a sentence is expected of the facts, and the words that it turns on are what a quote has to hold
          kind === 'quoted' && name === 'world-facts' ? holds(answer, quotes!.spans[0].text) : holds(text, answer),
        )
      // the answer to the passages, the answer to the quote, and the quote
      for (const [replies, reply] of [
        [[1], 0],
        [[0, 1], 0.5],
        [[0, 0], 1],
      ] as const) {
        said.seen.length = quoted.seen.length = 0
        said.replies = replies
        quoted.replies = [reply]
        const answer = await ask(question)
        const signals = answer.kind === 'said' ? said.seen.at(-1) : quoted.seen[0]
        if (!signals || (answer.kind === 'quoted') !== (reply === 1)) continue
        examples[answer.kind === 'said' ? 'said' : 'quoted'].push({ signals, right: isRight(answer) })
      }
    }
    process.stderr.write(`${name}: asked\n`)
  }
  const judgement = {
    min_probability: 0.5,
    prefer_said: 0.7,
    said: fit(examples.said, SAID),
    quoted: fit(examples.quoted, QUOTED),
  }
  await writeFile(out, `${JSON.stringify(judgement, null, 2)}\n`)
} finally {
  rag.dispose()
  reader.dispose()
  await rm(folder, { recursive: true })
}

/** Logistic regression by Newton's method. */
function fit(rows: readonly Example[], names: readonly string[]): Record<string, number> {
  const inputs = rows.map(({ signals }) => [1, ...names.map((name) => signals[name])])
  let weights = new Array<number>(names.length + 1).fill(0)
  for (let step = 0; step < 30; step++) {
    const gradient = weights.map((weight, i) => (i === 0 ? 0 : RIDGE * weight))
    const hessian = weights.map((_, i) => weights.map((_, j) => (i === j ? (i === 0 ? 1e-6 : RIDGE) : 0)))
    for (const [n, input] of inputs.entries()) {
      const p = 1 / (1 + Math.exp(-input.reduce((sum, x, i) => sum + x * weights[i], 0)))
      input.forEach((x, i) => {
        gradient[i] += (p - Number(rows[n].right)) * x
        input.forEach((y, j) => (hessian[i][j] += p * (1 - p) * x * y))
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
