/**
 * The stages of a trace as a person reads them on a terminal, and as JSON.
 */
import { SCORE_SCALE } from '../rag/index.js'
import { withPlaces } from './citation.js'
import { columnsOf, fitted, wrapped } from './columns.js'
import { heatMap, LEGEND, rangeOf } from './heat-map.js'
import { decisionLines, spanTable } from './quotes.js'
import { counted, cutLine, oneLine, type Terminal } from './terminal.js'
import type { QuotesStage, Stage, StepStage, TensorStage } from './trace-stages.js'

/** Columns where there is no terminal. */
const PLAIN_WIDTH = 80

/** Most that are shown of each head, and of each token. */
const LINKS = 4
const SOURCES = 4

export function shownStage(stage: Stage, terminal: Terminal): string {
  const { bold, width = PLAIN_WIDTH } = terminal
  const [title, ...lines] = linesOf(stage, width, { ...terminal, width })
  return [...wrapped(title, { width, indent: '', mark: terminal.mark }).map(bold), ...lines, ''].join('\n')
}

/** Tensors have six significant digits. */
export function jsonStage(stage: Stage): string {
  if (stage.stage === 'quotes') return JSON.stringify({ ...stage, answer: withPlaces(stage.answer) })
  if (stage.stage !== 'tensor') return JSON.stringify(stage)
  const { tensor, ...rest } = stage
  return JSON.stringify({ ...rest, values: nested(tensor.toArray(), tensor.shape) })
}

type Nested = number | readonly Nested[]

function nested(flat: readonly number[], [size, ...shape]: readonly number[]): Nested {
  if (size === undefined) return Number(flat[0].toPrecision(6))
  const step = flat.length / size
  return Array.from({ length: size }, (_, i) => nested(flat.slice(i * step, (i + 1) * step), shape))
}

function linesOf(stage: Stage, width: number, terminal: Terminal): string[] {
  const { dim } = terminal
  const cut = (line: string) => cutLine(line, width).trimEnd()
  switch (stage.stage) {
    case 'question': {
      const { question, tokens, vector } = stage
      const numbers = vector.map((x) => x.toFixed(3)).join(' ')
      return [
        `Question: ${oneLine(question, undefined)}`,
        cut(`  tokens  ${tokens.join(' ')}`),
        cut(`  vector  ${vector.length} numbers, length ${Math.hypot(...vector).toFixed(3)}: ${numbers}`),
      ]
    }
    case 'retrieval':
      return [
        'Passages',
        dim(`     dot product with the question, prior (softmax of ${SCORE_SCALE} times that)`),
        ...stage.passages.map(({ title, text, score, prior }, i) => {
          const shown = oneLine(title === '' ? text : `${title}: ${text}`, undefined)
          return cut(`  ${i + 1}  ${score.toFixed(3)}  ${prior.toFixed(3)} ${bar(prior, 10)}  ${shown}`)
        }),
      ]
    case 'input':
      return [
        `The reader reads passage ${stage.passage} and the question: ${counted(stage.tokens.length, 'token')}`,
        ...wrapped(labels(stage.tokens).join(' '), { width, indent: '  ', mark: ['', ''] }),
      ]
    case 'tensor':
      return tensorLines(stage, width, cut, dim)
    case 'step':
      return stepLines(stage, cut)
    case 'mixture': {
      const { mode, passages, candidates, text, pAnswerable, logProb } = stage.answer
      return [
        `Mixture (${mode})`,
        dim('     prior, p(no answer), posterior, and what the passage answers by itself'),
        ...passages.map(({ prior, pAbstain, posterior, answer }, i) =>
          cut(
            `  ${i + 1}  ${prior.toFixed(3)}  ${pAbstain.toFixed(3)}  ${posterior.toFixed(3)} ${bar(posterior, 10)}  ${oneLine(answer, undefined)}`,
          ),
        ),
        cut(`  p(some passage answers) = ${pAnswerable.toFixed(3)}; the candidates under the mixture:`),
        ...candidates.map((candidate) =>
          cut(`     ${Math.exp(candidate.logProb).toFixed(3)}  ${oneLine(candidate.text, undefined)}`),
        ),
        cut(`  Answer: ${oneLine(text, undefined)} (p = ${Math.exp(logProb).toFixed(3)})`),
      ]
    }
    case 'quotes':
      return quotesLines(stage, cut, terminal)
  }
}

function quotesLines({ answer }: QuotesStage, cut: (line: string) => string, terminal: Terminal): string[] {
  const { passages, pNoAnswer, spans } = answer.quotes!
  const row = (name: string, share: number, text: string) =>
    cut(`  ${name}  ${share.toFixed(3)} ${bar(share, 10)}  ${oneLine(text, undefined)}`)
  return [
    'Quotes: where in the passages the second reader sees the answer',
    terminal.dim('     share of all spans of the passage, and its best'),
    ...passages.map(({ share }, z) => row(`${z + 1}`, share, spans.find((span) => span.passage === z)?.text ?? '')),
    row('-', pNoAnswer, '(no answer)'),
    ...spanTable(answer.quotes!, passages.map((_, z) => z + 1), terminal), // prettier-ignore
    ...decisionLines(answer, terminal),
  ]
}

/** A map where the axes are tokens; else the length of each vector and its first numbers. */
function tensorLines(stage: TensorStage, width: number, cut: (line: string) => string, dim: Terminal['dim']): string[] {
  const { point, passage, axes, head, tensor } = stage
  const titled = (heads: string) => [point, heads, `passage ${passage}`].filter((part) => part !== '').join(', ')
  const ofHead = head === undefined ? '' : `head ${head}`
  if (axes.at(-1) !== 'key') return [titled(ofHead), ...vectorLines(stage, cut, dim)]
  const [query, key] = [labels(stage.query), labels(stage.key)]
  const maps = rowsOf(tensor.toArray(), query.length * key.length).map((map) => rowsOf(map, key.length)) // a single one with a head
  const values = query.map((_, i) => key.map((_, j) => maps.reduce((sum, map) => sum + map[i][j], 0) / maps.length))
  const isShare = point.endsWith('.probs')
  const { least, greatest } = rangeOf(values)
  return [
    titled(ofHead || `mean of ${maps.length} heads`),
    dim(`${rowsAndColumns(point)}; at its end the greatest`),
    dim(isShare ? LEGEND : `· from ${least.toFixed(2)} to █ ${greatest.toFixed(2)}`),
    ...heatMap({ rows: query, columns: key, values, scale: isShare ? 'share' : 'range' }, width),
    ...(maps.length > 1 && isShare ? headLines(maps, { point, query, key }, cut, dim) : []),
  ]
}

function rowsAndColumns(point: string): string {
  if (point.startsWith('encoder.')) return 'each row looks at the columns'
  return point.includes('.cross_attention.')
    ? 'each row, a written token, looks at what was read'
    : 'each row, a written token, looks at those before it'
}

/** What single heads do, of which the mean tells little: their strongest links, but for those of a token to itself. */
function headLines(
  maps: readonly (readonly (readonly number[])[])[],
  { point, query, key }: Pick<TensorStage, 'point' | 'query' | 'key'>,
  cut: (line: string) => string,
  dim: Terminal['dim'],
): string[] {
  const isItself = (i: number, j: number) => point.startsWith('encoder.') && i === j
  return [
    dim('strongest links of each head'),
    ...maps.map((map, head) => {
      const links = map
        .flatMap((row, i) =>
          row.flatMap((value, j) => (isItself(i, j) ? [] : [{ value, link: `${query[i]} → ${key[j]}` }])),
        )
        .sort((a, b) => b.value - a.value)
        .slice(0, LINKS)
      return cut(`  ${head}  ${links.map(({ link, value }) => `${link} ${value.toFixed(2)}`).join(', ')}`)
    }),
  ]
}

function vectorLines(stage: TensorStage, cut: (line: string) => string, dim: Terminal['dim']): string[] {
  const { axes, shape, tensor } = stage
  const tokens = labels(axes.includes('key') ? stage.key : stage.query)
  const width = Math.min(12, Math.max(...tokens.map(columnsOf)))
  return [
    dim(`  ${axes[0] === 'head' ? 'head, ' : ''}token, length of its vector, and its numbers`),
    ...rowsOf(tensor.toArray(), shape.at(-1)!).map((row, i) => {
      const head = axes[0] === 'head' ? `${Math.floor(i / tokens.length)}  ` : ''
      const numbers = row.map((value) => value.toFixed(2)).join(' ')
      const length = Math.hypot(...row)
        .toFixed(2)
        .padStart(7)
      return cut(`  ${head}${fitted(tokens[i % tokens.length], width)}  ${length}  ${numbers}`)
    }),
  ]
}

function stepLines(stage: StepStage, cut: (line: string) => string): string[] {
  const { step, steps, before, token, passage, next, byPassage, mixture, posterior, sources } = stage
  const numbered = (values: readonly number[]) => values.map((value, i) => `${i + 1}: ${value.toFixed(3)}`).join('  ')
  const words = sources.slice(0, SOURCES).map(({ word, passage, weight }) => {
    return `${oneLine(word, undefined)} (${passage ?? 'question'}) ${weight.toFixed(2)}`
  })
  return [
    `Step ${step} of ${steps}: ${oneLine(before, undefined)} ▸ ${token}`,
    ...next.map(({ token, probability }) =>
      cut(`  ${fitted(token, 14)}${probability.toFixed(3)} ${bar(probability, 30)}`),
    ),
    cut(`  (the likeliest from passage ${passage})`),
    cut(`  p from each passage  ${numbered(byPassage)}`),
    cut(`  p from all           ${mixture.toFixed(3)}`),
    cut(`  posterior            ${numbered(posterior)}`),
    cut(`  came from            ${words.join(', ')}`),
  ]
}

/** Tokens that can be told apart: the second of a kind is `·is²`. */
function labels(tokens: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return tokens.map((token) => {
    const times = (seen.get(token) ?? 0) + 1
    seen.set(token, times)
    return times === 1 ? token : token + String(times).replace(/\d/g, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)])
  })
}

function rowsOf(flat: readonly number[], size: number): number[][] {
  return Array.from({ length: flat.length / size }, (_, row) => flat.slice(row * size, (row + 1) * size))
}

/** A bar of a share, in eighths of a column. */
function bar(share: number, columns: number): string {
  const eighths = Math.round(share * columns * 8)
  const rest = eighths % 8 === 0 ? '' : String.fromCodePoint(0x2590 - (eighths % 8))
  return ('█'.repeat(Math.floor(eighths / 8)) + rest).padEnd(columns)
}
