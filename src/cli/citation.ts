/**
 * Where a passage, or a stretch of one, stands: as a person is told, and as data.
 */
import { placeInSource, type Answer, type Passage, type SourcePlace, type SpanAnswer } from '../rag/index.js'
import type { TextSpan } from '../tokenizer/index.js'
import { columnsOf } from './columns.js'
import { oneLine } from './terminal.js'

/** `notes/tea.pdf, page 3, characters 120 to 240`; the id, for a passage of no file. */
export function citation({ id, source }: Passage): string {
  if (!source) return oneLine(id, undefined)
  const { start, end } = source
  return oneLine([...fileOf(source), `characters ${start} to ${end}`].join(', '), undefined)
}

/** Columns of a file's name, below which it is of no use. */
const LEAST_NAME = 8

/**
 * `notes/tea.md › Tea › Green, line 12`, on one line of at most `width` columns: folders go first, then headings, then the end of the file's
 * name. For a passage of no file its title and its id.
 */
export function spanCitation(passage: Passage, { start, end }: TextSpan, width: number | undefined): string {
  const place = end > start ? placeInSource(passage, start, end) : undefined
  if (!place) return oneLine(passage.title === '' ? passage.id : `${passage.title} (${passage.id})`, width)
  const { file, headingPath, line } = place
  const where = line === undefined ? `characters ${place.start} to ${place.end}` : `line ${line}`
  const text = (file: string, headings: readonly string[]) =>
    oneLine([[...fileOf({ ...place, file }), ...headings].join(' › '), where].join(', '), undefined)
  const fits = (text: string) => width === undefined || columnsOf(text) <= width
  const folders = file.split('/')
  const files = folders.map((_, i) => (i === 0 ? file : `…/${folders.slice(i).join('/')}`))
  const shortest = files[files.length - 1]
  const last = headingPath.slice(-1)
  const choices = [
    ...files.map((file) => text(file, headingPath)),
    ...(headingPath.length > 1 ? [text(shortest, ['…', ...last])] : []),
    text(shortest, []),
  ]
  const fitting = choices.find(fits)
  if (fitting !== undefined) return fitting
  const room = (width ?? Infinity) - columnsOf(where) - 2
  const name = fileOf({ ...place, file: shortest }).join(' › ')
  return room < LEAST_NAME ? oneLine(choices[choices.length - 1], width) : `${oneLine(name, room)}, ${where}`
}

/** File, record and page, as far as there are such. */
function fileOf({ file, record, page }: SourcePlace): string[] {
  const parts = [file]
  if (record !== undefined) parts.push(`record ${record}`)
  if (page !== undefined) parts.push(`page ${page}`)
  return parts
}

/** The answer as programs get it: each span of a quote has its place in the file as `source`, where the passage is of one. */
export function withPlaces(answer: Answer | SpanAnswer): object {
  if (answer.mode !== 'span') return answer.quotes ? { ...answer, quotes: placed(answer.quotes) } : answer
  return { ...placed(answer), kind: answer.abstained ? 'refused' : 'quoted' }
}

function placed(answer: SpanAnswer): SpanAnswer {
  const spans = answer.spans.map((span) => ({
    ...span,
    source: placeInSource(answer.passages[span.passage], span.start, span.end),
  }))
  return { ...answer, spans }
}
