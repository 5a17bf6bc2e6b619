/**
 * `glassformer ask`: answers a question and shows the passages that the answer came from.
 */
import type {
  Answer,
  Filter,
  Passage,
  PromptAnswer,
  PromptPassage,
  RagMode,
  RetrievedPassage,
  SpanAnswer,
} from '../rag/index.js'
import { choice, UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { citation, withPlaces } from './citation.js'
import { readPassages } from './input-files.js'
import { explained, heading, sureness } from './explain.js'
import { checkPipelineOptions, filterOption, openPipeline, pipelineOptions } from './pipeline.js'
import { nearestLines, quoteLines } from './quotes.js'
import { oneLine, printable, type Terminal } from './terminal.js'

export const MODES: readonly RagMode[] = ['conditioned', 'rag-sequence', 'rag-token']

export const askSpec: CommandSpec = {
  name: 'ask',
  positionals: ['QUESTION'],
  summary: 'Answers a question from the passages that fit it best.',
  options: {
    passages: { type: 'string', value: 'FILE', help: 'answer from these passages; - reads standard input' },
    ...pipelineOptions,
    filter: filterOption,
    'top-k': { type: 'string', value: 'N', help: 'passages to read (default 5)' },
    mode: { type: 'string', value: 'MODE', help: 'conditioned (default), rag-sequence or rag-token' },
    show: { type: 'boolean', help: 'show each passage whole, with score and rank of each stage of the search' },
    explain: {
      type: 'boolean',
      help: 'show which passage and word each word of the answer came from, or the numbers of a quote',
    },
    json: { type: 'boolean', help: 'print everything as JSON: passages, tokens, candidates' },
  },
  details:
    'The answer is worded, or a sentence of a passage is quoted, whichever is likelier to be right; where neither is likely enough, the answer is\n' +
    '"I don\'t know.". The modes of the paper, rag-sequence and rag-token, neither quote nor refuse.\n' +
    'A passage file holds JSON lines {"id", "title", "text"}, or plain text with a passage on each line. A reader that is\n' +
    'a decoder-only model, such as a Llama, reads all passages in one prompt, and one for question answering, such as a\n' +
    'BertForQuestionAnswering, quotes; these have no mode, and their answers cannot be explained.\n' +
    'Every document of an index has the metadata file and format.\n' +
    'Example: echo "France is a country in Europe. Its capital is Paris." | glassformer ask "What is the capital of France?" --passages -',
}

export async function ask({ positionals, options, lists }: Arguments, terminal: Terminal): Promise<void> {
  const { print, signal } = terminal
  const [question] = positionals
  const mode = choice('mode', options.mode, MODES)
  const topK = wholeNumber('top-k', options['top-k'])
  if (question.trim() === '') throw new UsageError('QUESTION is empty')
  const filter = lists.filter && parseFilter(lists.filter)
  checkPipelineOptions({ positionals, options, lists })
  const show = options.show === true
  if (show && options.explain) throw new UsageError('--show and --explain exclude each other')
  const passages = typeof options.passages === 'string' ? await readPassages(options.passages) : undefined
  const pipeline = await openPipeline(options, terminal)
  const { minProbability } = pipeline
  const asked = { passages, filter, topK, minProbability, signal }
  try {
    const wrong = mode !== undefined ? '--mode' : options.explain ? '--explain' : undefined
    if (wrong && pipeline.kind !== 'mixing')
      throw new UsageError(`${wrong} is for encoder-decoders, and the reader is none`)
    if (pipeline.kind === 'prompt') {
      const { rag } = pipeline
      const cited = { ...asked, cite: true }
      if (options.json) return print(JSON.stringify(await rag.ask(question, cited), null, 2))
      print(
        describePrompt(await writing((onText) => rag.ask(question, { ...cited, onText }), terminal), show, terminal),
      )
    } else {
      const answer =
        pipeline.kind === 'quoting'
          ? await pipeline.rag.ask(question, asked)
          : await pipeline.rag.ask(question, { ...asked, mode, sources: options.explain === true })
      if (options.json) print(JSON.stringify(withPlaces(answer), null, 2))
      else if (options.explain && answer.mode !== 'span') print(explained(answer, terminal))
      else print(describe(answer, show, terminal))
    }
  } finally {
    await pipeline.close()
  }
}

/** Shows a text on a line of its own while it is written. */
export async function writing<T>(
  run: (onText: (piece: string) => void) => Promise<T>,
  { print, write }: Terminal,
): Promise<T> {
  let begun = false
  const onText = (piece: string) => {
    const shown = begun ? piece : piece.trimStart()
    begun ||= shown !== ''
    write(shown)
  }
  return run(onText).finally(() => begun && print(''))
}

const STANDS_IN = 'with the probability that the answer stands in each:'

/** A worded answer or a refusal with the passages that were read; a quote with its place, and with the passages only where they are to be shown. */
export function describe(answer: Answer | SpanAnswer, show: boolean, terminal: Terminal): string {
  const { text, abstained } = answer
  const { bold, dim } = terminal
  const quotes = answer.mode === 'span' ? answer : answer.quotes
  const rows = () =>
    weighed(answer).map(({ passage, share, numbers }, i) => {
      const number = `[${i + 1}]`
      return show ? whole(number, passage, numbers, terminal) : row(number, passage, share, terminal)
    })
  const isQuote = answer.mode === 'span' ? !abstained : answer.kind === 'quoted'
  if (quotes && isQuote) {
    const read = show ? ['', dim(`Read, ${STANDS_IN}`), ...rows()] : []
    return [...quoteLines(quotes, terminal), ...read, ...cutLines(answer).map(dim)].join('\n')
  }
  const nearest = quotes && abstained ? nearestLines(quotes, terminal) : []
  const sure = answer.mode === 'span' ? [] : sureness(answer)
  return [
    bold(printable(text)),
    '',
    ...(nearest.length > 0 ? [...nearest, ''] : []),
    ...sure.map(dim),
    dim(
      `${heading(answer)}, ${answer.mode === 'span' ? STANDS_IN : 'with the probability that each stands behind the answer:'}`,
    ),
    ...rows(),
    ...cutLines(answer).map(dim),
  ].join('\n')
}

/** Passages that were too long for the reader, which an answer does not hide. */
function cutLines({ passages }: Answer | SpanAnswer): string[] {
  return passages.flatMap(({ id, text, readTo }) =>
    readTo === undefined
      ? []
      : [
          `Of passage ${oneLine(id, 40)} the first ${readTo} of ${text.length} characters were read; more is too long for the reader.`,
        ],
  )
}

/** The passages, what stands most behind the answer first, with all their numbers. */
function weighed(answer: Answer | SpanAnswer) {
  const rows =
    answer.mode === 'span'
      ? answer.passages.map((passage) => {
          const { score, scores, prior, share } = passage
          return { passage, share, numbers: { share, score, ...scores, prior } }
        })
      : answer.passages.map((passage) => {
          const { score, scores, prior, pAbstain, posterior } = passage
          return { passage, share: posterior, numbers: { posterior, score, ...scores, prior, pAbstain } }
        })
  return rows.sort((a, b) => b.share - a.share)
}

/** How likely the answer is right, and what was written where that is not likely enough to be given. */
function promptSureness({ kind, text, written, probability }: PromptAnswer, { dim, width }: Terminal): string[] {
  const share = probability.toFixed(3)
  if (kind === 'said') return [dim(`The model takes it for right with probability ${share}.`)]
  if (text === written) return []
  return [
    dim(`Written, but taken for right with probability ${share} only:`),
    `  ${oneLine(written, width && Math.max(20, width - 2))}`,
    '',
  ]
}

/** The likeliest source first, where it was asked for; else in the order in which they were read. The numbers are those in the prompt. */
export function describePrompt(answer: PromptAnswer, show: boolean, terminal: Terminal): string {
  const { passages, leftOut, ended, kind, text, written } = answer
  const { dim } = terminal
  const shown = (number: string, passage: PromptPassage) => {
    const { score, scores, prior, posterior } = passage
    const share: Record<string, number> = posterior === undefined ? { prior } : { posterior, prior }
    return show
      ? whole(number, passage, { ...share, score, ...scores }, terminal)
      : row(number, passage, posterior ?? prior, terminal)
  }
  const cited = passages.every(({ posterior }) => posterior !== undefined)
  const read = passages
    .map((passage, i) => ({ number: `[${i + 1}]`, passage }))
    .sort((a, b) => (b.passage.posterior ?? 0) - (a.passage.posterior ?? 0))
  return [
    ...(ended || text !== written ? [] : [dim('(cut off at the greatest length)')]),
    '',
    ...promptSureness(answer, terminal),
    dim(
      cited
        ? `${kind === 'said' ? 'From' : 'Looked at'}, with the probability that each stands behind ${text === written ? 'the answer' : 'what was written'}:`
        : 'Read, with the probability of each before it was read:',
    ),
    ...read.map(({ number, passage }) => shown(number, passage)),
    ...(leftOut.length > 0 ? [dim('Left out, since the model reads no more at once:')] : []),
    ...leftOut.map((passage) => shown('   ', passage)),
  ].join('\n')
}

function row(number: string, passage: Passage, probability: number, { dim, width }: Terminal): string {
  const { title, text } = passage
  const label = title === '' ? '' : `${title}: `
  return `  ${number} ${probability.toFixed(3)}  ${oneLine(label + text, width && Math.max(20, width - 14))} ${dim(`(${citation(passage)})`)}`
}

/** A passage with all its numbers, those of a search of several stages with their ranks, and its text as it is. */
function whole(
  number: string,
  passage: RetrievedPassage,
  numbers: Readonly<Record<string, number>>,
  { bold, dim }: Terminal,
): string {
  const { dot, ...ranks } = passage.ranks ?? {}
  const places: Readonly<Record<string, number | undefined>> = { score: dot, ...ranks }
  const shares = Object.entries(numbers).map(([name, value]) => {
    return `${name} ${value.toFixed(3)}${places[name] === undefined ? '' : ` (#${places[name]})`}`
  })
  const lines = printable(passage.text).split('\n')
  return [
    `  ${number} ${shares.join('  ')}  ${dim(citation(passage))}`,
    ...(passage.title === '' ? [] : [`      ${bold(oneLine(passage.title, undefined))}`]),
    ...lines.map((line) => `      ${line}`),
    '',
  ].join('\n')
}

/** `year=2020` means the text and the number, since a command line does not tell them apart; and so for true and false. */
export function parseFilter(pairs: readonly string[]): Filter {
  const filter = new Map<string, (string | number | boolean)[]>()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at < 1) throw new UsageError(`--filter is "${pair}", expected KEY=VALUE`)
    const [key, text] = [pair.slice(0, at), pair.slice(at + 1)]
    const number = text.trim() === '' ? NaN : Number(text)
    const values = [
      text,
      ...(Number.isFinite(number) ? [number] : []),
      ...(text === 'true' || text === 'false' ? [text === 'true'] : []),
    ]
    filter.set(key, [...(filter.get(key) ?? []), ...values])
  }
  return Object.fromEntries(filter)
}
