/**
 * `glassformer ask --explain`: where an answer comes from. Words of the answer bear the numbers of the passages that they were taken from, the
 * passages are printed with these words highlighted, and tables have every token and every span with its numbers, and what decided between the
 * worded answer and the quote.
 */
import type { Answer, Source, SpanAnswer } from '../rag/index.js'
import { wordSpans } from '../rag/reading/provenance.js'
import type { TextSpan } from '../tokenizer/index.js'
import { citation } from './citation.js'
import { columnsOf, fitted, wrapped } from './columns.js'
import { decisionLines, nearestLines, quoteLines, spanTable } from './quotes.js'
import { oneLine, printable, type Terminal } from './terminal.js'

/** From this share of the attention on, a word of a passage counts as what a word of the answer was taken from. */
const TAKEN = 0.25

/** Passages by their posterior, as they are numbered: `numbers[passage]` counts from 1. */
function passageNumbers({ passages }: Answer): readonly number[] {
  const order = [...passages.keys()].sort((a, b) => passages[b].posterior - passages[a].posterior)
  return passages.map((_, passage) => order.indexOf(passage) + 1)
}

/** @param answer with the sources of each token */
export function explained(answer: Answer, terminal: Terminal): string {
  const { bold, dim, mark, width } = terminal
  const { quotes } = answer
  if (quotes && answer.kind === 'quoted') return explainedQuote(answer, quotes, terminal)
  const numbers = passageNumbers(answer)
  const words = answerWords(answer)
  const taken = words.flatMap(({ taken }) => taken)
  const takenFrom = (passage: number, field: Source['field']) =>
    inOrder(taken.filter((source) => source.passage === passage && source.field === field))
  const nearest = quotes && answer.abstained ? nearestLines(quotes, terminal) : []
  return [
    bold(marked(answer, words, numbers)),
    '',
    ...(nearest.length > 0 ? [...nearest, ''] : []),
    ...sureness(answer).map(dim),
    ...wrapped(
      `${heading(answer)}, with the probability that each stands behind the answer. A number stands at a word for which a quarter or more of the attention went to one word of that passage, which is highlighted:`,
      { width, indent: '', mark },
    ).map(dim),
    ...markedPassages(answer, numbers, takenFrom, terminal),
    '',
    ...tokenTable(answer, numbers, terminal),
    ...(quotes ? ['', ...spanTable(quotes, numbers, terminal), '', ...decisionLines(answer, terminal)] : []),
  ].join('\n')
}

function explainedQuote(answer: Answer, quotes: SpanAnswer, terminal: Terminal): string {
  const { spans, agreeing, differing } = quotes
  const numbers = passageNumbers(answer)
  const shown = [0, ...agreeing, ...differing].map((i) => spans[i])
  const found = (passage: number, field: Source['field']) =>
    field === 'text' ? inOrder(shown.filter((span) => span.passage === passage)) : []
  return [
    ...quoteLines(quotes, terminal),
    '',
    ...spanTable(quotes, numbers, terminal),
    '',
    ...decisionLines(answer, terminal),
    '',
    terminal.dim(
      'Read, with the probability that the answer stands in each; spans of one in twenty or more are highlighted:',
    ),
    ...markedPassages(answer, numbers, found, terminal),
  ].join('\n')
}

/** The passages in the order of their numbers, whole. @param marks what is highlighted in a field of a passage */
function markedPassages(
  { passages }: Answer,
  numbers: readonly number[],
  marks: (passage: number, field: Source['field']) => readonly TextSpan[],
  { mark, width }: Terminal,
): string[] {
  const order = [...passages.keys()].sort((a, b) => numbers[a] - numbers[b])
  return order.flatMap((passage) => {
    const { title, text, posterior } = passages[passage]
    const head = `  [${numbers[passage]}] ${posterior.toFixed(3)}  `
    const indent = ' '.repeat(columnsOf(head))
    const label = `${title} (${citation(passages[passage])})`.trimStart()
    const lines = [
      ...wrapped(label, { width, indent, mark, marked: marks(passage, 'title') }),
      ...wrapped(text, { width, indent, mark, marked: marks(passage, 'text') }),
    ]
    return lines.map((line, i) => (i === 0 ? head + line.slice(head.length) : line))
  })
}

/** How likely a worded answer is right: a line, or none for what is not given. */
export function sureness({ mode, kind, probability }: Answer): string[] {
  if (mode !== 'conditioned') return [`Its own probability is ${probability.toFixed(3)}.`]
  return kind === 'said' ? [`Right with probability ${probability.toFixed(3)}.`] : []
}

/** What the passages are to the answer. */
export function heading(answer: Answer | SpanAnswer): string {
  if (!answer.abstained) return 'From'
  const pAnswerable = answer.mode === 'span' ? 1 - answer.pNoAnswer : answer.pAnswerable
  return pAnswerable < 0.5
    ? `The passages do not tell (p = ${(1 - pAnswerable).toFixed(3)}); looked at`
    : 'No answer is likely enough to be given; looked at'
}

/** A word of the answer and the words of passages that it was taken from. */
interface AnswerWord extends TextSpan {
  readonly taken: readonly Source[]
}

/** Attention is averaged over the tokens of a word. */
function answerWords({ text, tokens }: Answer): AnswerWord[] {
  let end = 0
  const places = tokens.map((token) => ({ token, start: (end += token.text.length) - token.text.trimStart().length }))
  return wordSpans(text).map((word) => {
    const own = places.filter(({ token, start }) => token.text.trim() !== '' && start >= word.start && start < word.end)
    const totals = new Map<string, Source>()
    for (const source of own.flatMap(({ token }) => token.sources ?? [])) {
      const key = [source.field, source.passage, source.start].join()
      totals.set(key, { ...source, weight: source.weight / own.length + (totals.get(key)?.weight ?? 0) })
    }
    return {
      ...word,
      taken: [...totals.values()].filter((source) => source.passage !== undefined && source.weight >= TAKEN),
    }
  })
}

/** The answer with numbers behind its words: `The capital of France[1] is Paris[1].` */
function marked({ text }: Answer, words: readonly AnswerWord[], numbers: readonly number[]): string {
  let shown = ''
  let end = 0
  for (const word of words) {
    const passages = new Set(word.taken.map(({ passage }) => numbers[passage!]))
    shown += text.slice(end, word.end) + [...passages].map((number) => `[${number}]`).join('')
    end = word.end
  }
  return printable(shown + text.slice(end))
}

/** In their order, each once. */
function inOrder(spans: readonly TextSpan[]): TextSpan[] {
  const byStart = new Map(spans.map((span) => [span.start, span]))
  return [...byStart.values()].sort((a, b) => a.start - b.start)
}

/** Every token: its probability, the passage that stands behind it most, and the words that it came from. */
function tokenTable(answer: Answer, numbers: readonly number[], { dim, width }: Terminal): string[] {
  const named = ({ field, passage, start, end, weight }: Source) => {
    const word =
      field === 'question' ? answer.question.slice(start, end) : answer.passages[passage][field].slice(start, end)
    const where = passage === undefined ? 'question' : `[${numbers[passage]}]${field === 'title' ? ' title' : ''}`
    return `${oneLine(word, undefined)} (${where}) ${weight.toFixed(2)}`
  }
  const rows = answer.tokens.map(({ text, logProb, posterior, sources = [] }) => {
    const most = posterior.indexOf(Math.max(...posterior))
    return [
      text === '' ? '(end)' : text,
      Math.exp(logProb).toFixed(3),
      `[${numbers[most]}] ${posterior[most].toFixed(3)}`,
      sources.slice(0, 3).map(named).join(', '),
    ] as const
  })
  const widest = Math.min(16, Math.max(5, ...rows.map(([token]) => columnsOf(oneLine(token, undefined)))))
  const line = ([token, probability, passage, words]: readonly [string, string, string, string]) => {
    const before = `  ${fitted(token, widest)}  ${probability.padStart(5)}  ${passage.padEnd(9)}  `
    return before + oneLine(words, width && Math.max(10, width - columnsOf(before)))
  }
  return [
    dim(line(['token', 'p', 'passage', 'words that it came from, with their share of the attention'])),
    ...rows.map(line),
  ]
}
