/**
 * Quotes on a terminal: the sentence with the words that answer, where it stands, how likely it is right, what other passages say, and
 * how it is weighed against a worded answer.
 */
import type { Answer, QuotedSpan, SpanAnswer } from '../rag/index.js'
import { spanCitation } from './citation.js'
import { columnsOf, wrapped } from './columns.js'
import { cutLine, cutStart, oneLine, type Terminal } from './terminal.js'

/** @param answer of kind `quoted`, so with one span at least */
export function quoteLines(answer: SpanAnswer, terminal: Terminal): string[] {
  const { dim, emphasis, width } = terminal
  const { spans, differing, probability } = answer
  const [best] = spans
  const { start, text } = best.quote
  const marked = [{ start: best.start - start, end: best.end - start }]
  return [
    ...wrapped(text, { width, indent: '', mark: emphasis, marked }),
    '',
    `  ${placeOf(answer, best, terminal, 2)}`,
    ...alsoIn(answer, terminal),
    dim(`  Right with probability ${probability.toFixed(3)}.`),
    ...(differing.length > 0 ? ['', dim('Other passages say, with the probability of each:')] : []),
    ...differing.flatMap((i) => [
      `  ${spans[i].probability.toFixed(3)}  ${excerpt(spans[i], terminal, 9).join('')}`,
      dim(`         ${placeOf(answer, spans[i], terminal, 9)}`),
    ]),
  ]
}

/** What came nearest, under a refusal; none where no span was found. */
export function nearestLines(answer: SpanAnswer, terminal: Terminal): string[] {
  const { dim } = terminal
  const [best] = answer.spans as readonly (QuotedSpan | undefined)[]
  if (!best) return []
  const [before, words, after] = excerpt(best, terminal, 2)
  return [
    dim(`Nearest, but right with probability ${answer.probability.toFixed(3)} only:`),
    `  ${before && dim(before)}${words}${after && dim(after)}`,
    dim(`  ${placeOf(answer, best, terminal, 2)}`),
  ]
}

/** All spans with their numbers. @param numbers of the passages, as they are shown */
export function spanTable({ spans, pNoAnswer }: SpanAnswer, numbers: readonly number[], terminal: Terminal): string[] {
  const { dim, mark, width } = terminal
  const about = `Spans, that which fits best first. Score: start logit and end logit, each less that of "no answer", whose score is 0, and their sum. Share: of one softmax over all spans of all passages and "no answer", whose share is ${pNoAnswer.toFixed(3)}. Words: share of the question's words that the sentence around has with the title, rare ones counting more. Fit: what the order goes by, made of score, words and the passage's similarity:`
  return [
    ...wrapped(about, { width, indent: '', mark }).map(dim),
    dim('    start      end    score  share  words      fit  passage'),
    ...spans.map((span) => {
      const passage = `[${numbers[span.passage]}]`.padEnd(7)
      const scores = [span.startScore, span.endScore, span.score].map((score) => score.toFixed(3).padStart(7))
      const [share, overlap] = [span.probability, span.overlap].map((part) => part.toFixed(3))
      const before = `  ${scores.join('  ')}  ${share}  ${overlap}  ${span.fit.toFixed(3).padStart(7)}  ${passage} `
      return before + excerpt(span, terminal, columnsOf(before)).join('')
    }),
  ]
}

/** The worded answer and the quote with the probabilities that decide between them, and which is given; none where nothing was to be decided. */
export function decisionLines({ kind, text, judged, quotes }: Answer, { dim, mark, width }: Terminal): string[] {
  if (!judged || !quotes) return []
  const { worded, said, quoted, minProbability, preferSaid } = judged
  const about = `The likelier is given, if it is right with probability ${minProbability.toFixed(3)} or more; the worded answer from ${preferSaid.toFixed(3)} on even where the quote is likelier:`
  const row = (given: boolean, name: string, number: string, text = '(none)') => {
    const before = `${given ? '→' : ' '} ${name.padEnd(7)}  ${number.padEnd(5)}  `
    return before + oneLine(text, width && Math.max(20, width - columnsOf(before)))
  }
  return [
    ...wrapped(about, { width, indent: '', mark }).map(dim),
    row(kind === 'said', 'worded', said.toFixed(3), worded),
    row(kind === 'quoted', 'quoted', quoted.toFixed(3), quotes.spans.at(0)?.quote.text),
    ...(kind === 'refused' ? [row(true, 'refused', '', text)] : []),
  ]
}

/** Places of the passages that say the same, each once. */
function alsoIn(answer: SpanAnswer, terminal: Terminal): string[] {
  const label = '  Also in: '
  const { spans, agreeing } = answer
  const places = new Set([0, ...agreeing].map((i) => placeOf(answer, spans[i], terminal, label.length)))
  return [...places].slice(1).map((place, i) => (i === 0 ? label : ' '.repeat(label.length)) + place)
}

/** @param indent columns before it */
function placeOf({ passages }: SpanAnswer, span: QuotedSpan, { width }: Terminal, indent: number): string {
  return spanCitation(passages[span.passage], span, width && Math.max(20, width - indent))
}

/** What stands before the words that answer, these words emphasised, and what stands behind them: one line, cut on both sides around the words. */
function excerpt({ start, end, text, quote }: QuotedSpan, { emphasis, width }: Terminal, indent: number): string[] {
  const [open, close] = emphasis
  const line = (text: string) => text.replace(/[\s\p{Cc}]+/gu, ' ')
  const before = line(quote.text.slice(0, start - quote.start)).trimStart()
  const after = line(quote.text.slice(end - quote.start)).trimEnd()
  const words = oneLine(text, undefined)
  if (width === undefined) return [before, open + words + close, after]
  const most = Math.max(20, width - indent) - columnsOf(open + close)
  const room = Math.max(0, most - columnsOf(words))
  const shown = cutStart(before, Math.max(Math.floor(room / 2), room - columnsOf(after)))
  return [shown, open + cutLine(words, most) + close, cutLine(after, room - columnsOf(shown))]
}
