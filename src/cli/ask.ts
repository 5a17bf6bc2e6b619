/**
 * `glassformer ask`: answers a question and shows the passages that the answer came from.
 */
import {
  AutoReader,
  HybridStore,
  PromptReader,
  Rag,
  Reranker,
  type Answer,
  type Filter,
  type Passage,
  type PromptAnswer,
  type PromptPassage,
  type RagMode,
  type Store,
} from '../rag/index.js'
import { choice, UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { readPassages } from './input-files.js'
import { downloadOptions } from './download.js'
import { explained } from './explain.js'
import { openStore, postgresOptions } from './stores.js'
import { oneLine, printable, type Terminal } from './terminal.js'

export const MODES: readonly RagMode[] = ['conditioned', 'rag-sequence', 'rag-token']

export const askSpec: CommandSpec = {
  name: 'ask',
  positionals: ['QUESTION'],
  summary: 'Answers a question from the passages that fit it best.',
  options: {
    passages: { type: 'string', value: 'FILE', help: 'answer from these passages; - reads standard input' },
    index: {
      type: 'string',
      value: 'FILE',
      help: 'answer from this index, which "glassformer index" made of your files',
    },
    ...postgresOptions,
    hybrid: { type: 'boolean', help: 'with --index or --store: search for the words of the question too' },
    rerank: { type: 'string', value: 'MODEL', help: 'a cross-encoder that picks the passages to read out of 50' },
    filter: {
      type: 'string',
      value: 'KEY=VALUE',
      multiple: true,
      help: 'with --index or --store: only documents with this metadata; values of one key are alternatives',
    },
    'top-k': { type: 'string', value: 'N', help: 'passages to read (default 5)' },
    mode: { type: 'string', value: 'MODE', help: 'conditioned (default), rag-sequence or rag-token' },
    reader: { type: 'string', value: 'FOLDER', help: 'the model that answers (default: the reader of the package)' },
    show: { type: 'boolean', help: 'show each passage whole, with its scores' },
    explain: { type: 'boolean', help: 'show for each word of the answer which passage and word it came from' },
    json: { type: 'boolean', help: 'print everything as JSON: passages, tokens, candidates' },
  },
  details:
    'A passage file holds JSON lines {"id", "title", "text"}, or plain text with a passage on each line. A reader that is\n' +
    'a decoder-only model, such as a Llama, reads all passages in one prompt; it has no mode, and its answer cannot be explained.\n' +
    'Every document of an index has the metadata file and format.\n' +
    'Example: echo "France is a country in Europe. Its capital is Paris." | glassformer ask "What is the capital of France?" --passages -',
}

export async function ask({ positionals, options, lists }: Arguments, terminal: Terminal): Promise<void> {
  const { progress, signal } = terminal
  const [question] = positionals
  const mode = choice('mode', options.mode, MODES)
  const topK = wholeNumber('top-k', options['top-k'])
  if (question.trim() === '') throw new UsageError('QUESTION is empty')
  const filter = lists.filter && parseFilter(lists.filter)
  const sources = ['index', 'store', 'passages'].filter((name) => options[name] !== undefined)
  if (sources.length > 1) throw new UsageError(`${sources.map((name) => `--${name}`).join(' and ')} exclude each other`)
  const hasStore = options.index !== undefined || options.store !== undefined
  if (filter && !hasStore) throw new UsageError('--filter is for --index or --store')
  if (options.hybrid && !hasStore) throw new UsageError('--hybrid is for --index or --store')
  const passages = typeof options.passages === 'string' ? await readPassages(options.passages) : undefined
  const store = await openStore(options)
  const index = store && options.hybrid ? new HybridStore(store) : store
  const asked = { passages, filter, topK, signal }
  const show = options.show === true
  if (show && options.explain) throw new UsageError('--show and --explain exclude each other')
  const reader =
    typeof options.reader === 'string'
      ? await AutoReader.fromPretrained(options.reader, {
          ...downloadOptions(terminal),
          onProgress: (done, total) => progress('reader', done, total),
        })
      : undefined
  const reranker =
    typeof options.rerank === 'string'
      ? await Reranker.fromPretrained(options.rerank, {
          ...downloadOptions(terminal),
          onProgress: (done, total) => progress('reranker', done, total),
        })
      : undefined
  try {
    if (reader instanceof PromptReader) {
      const wrong = mode !== undefined ? '--mode' : options.explain ? '--explain' : undefined
      if (wrong) throw new UsageError(`${wrong} is for encoder-decoders, and the reader is none`)
      await askPrompt({ reader, index, reranker, show }, question, asked, options.json === true, terminal)
    } else {
      const load = { onProgress: progress, signal, index, reranker }
      const rag = await (reader
        ? Rag.fromPretrained(undefined, { ...load, reader })
        : Rag.fromPretrained(undefined, load))
      await withDisposal(rag, async () => {
        const answer = await rag.ask(question, { ...asked, mode, sources: options.explain === true })
        const described = () => (options.explain ? explained(answer, terminal) : describe(answer, show, terminal))
        terminal.print(options.json ? JSON.stringify(answer, null, 2) : described())
      })
    }
  } finally {
    reader?.dispose()
    reranker?.dispose()
    await index?.close()
  }
}

interface Asked {
  readonly passages: readonly Passage[] | undefined
  readonly filter: Filter | undefined
  readonly topK: number | undefined
  readonly signal: AbortSignal
}

/** The answer of a decoder-only model shows while it is written. */
async function askPrompt(
  {
    reader,
    index,
    reranker,
    show,
  }: {
    readonly reader: PromptReader
    readonly index?: Store
    readonly reranker?: Reranker
    readonly show: boolean
  },
  question: string,
  asked: Asked,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  const { print, write, progress, signal } = terminal
  const rag = await Rag.fromPretrained(undefined, { onProgress: progress, signal, reader, index, reranker })
  await withDisposal(rag, async () => {
    if (json) return print(JSON.stringify(await rag.ask(question, asked), null, 2))
    let begun = false
    const onText = (piece: string) => {
      const shown = begun ? piece : piece.trimStart()
      begun ||= shown !== ''
      write(shown)
    }
    const answer = await rag.ask(question, { ...asked, onText }).finally(() => begun && print(''))
    print(describePrompt(answer, show, terminal))
  })
}

async function withDisposal(rag: { dispose(): void }, use: () => Promise<void>): Promise<void> {
  try {
    await use()
  } finally {
    rag.dispose()
  }
}

function describe({ text, passages, pAnswerable, abstained }: Answer, show: boolean, terminal: Terminal): string {
  const { bold, dim } = terminal
  const likeliest = [...passages].sort((a, b) => b.posterior - a.posterior)
  const rows = likeliest.map((passage, i) => {
    const { score, scores, prior, pAbstain, posterior } = passage
    const number = `[${i + 1}]`
    return show
      ? whole(number, passage, { posterior, score, ...scores, prior, pAbstain }, terminal)
      : row(number, passage, posterior, terminal)
  })
  const heading = abstained ? `The passages do not tell (p = ${(1 - pAnswerable).toFixed(3)}); looked at` : 'From'
  return [
    bold(printable(text)),
    '',
    dim(`${heading}, with the probability that each stands behind the answer:`),
    ...rows,
  ].join('\n')
}

/** What a model read at once has no share in the answer that could be told: the numbers are those of the retriever. */
function describePrompt({ passages, leftOut, ended }: PromptAnswer, show: boolean, terminal: Terminal): string {
  const { dim } = terminal
  const shown = (number: string, passage: PromptPassage) => {
    const { score, scores, prior } = passage
    return show ? whole(number, passage, { prior, score, ...scores }, terminal) : row(number, passage, prior, terminal)
  }
  return [
    ...(ended ? [] : [dim('(cut off at the greatest length)')]),
    '',
    dim('Read, with the probability of each before it was read:'),
    ...passages.map((passage, i) => shown(`[${i + 1}]`, passage)),
    ...(leftOut.length > 0 ? [dim('Left out, since the model reads no more at once:')] : []),
    ...leftOut.map((passage) => shown('   ', passage)),
  ].join('\n')
}

function row(number: string, passage: Passage, probability: number, { dim, width }: Terminal): string {
  const { title, text } = passage
  const label = title === '' ? '' : `${title}: `
  return `  ${number} ${probability.toFixed(3)}  ${oneLine(label + text, width && Math.max(20, width - 14))} ${dim(`(${citation(passage)})`)}`
}

/** A passage with all its numbers, and its text as it is. */
function whole(
  number: string,
  passage: Passage,
  numbers: Readonly<Record<string, number>>,
  { bold, dim }: Terminal,
): string {
  const shares = Object.entries(numbers).map(([name, value]) => `${name} ${value.toFixed(3)}`)
  const lines = printable(passage.text).split('\n')
  return [
    `  ${number} ${shares.join('  ')}  ${dim(citation(passage))}`,
    ...(passage.title === '' ? [] : [`      ${bold(oneLine(passage.title, undefined))}`]),
    ...lines.map((line) => `      ${line}`),
    '',
  ].join('\n')
}

/** `notes/tea.pdf, page 3, characters 120 to 240`; the id, for a passage of no file. */
function citation({ id, source }: Passage): string {
  if (!source) return oneLine(id, undefined)
  const { file, record, page, start, end } = source
  const place = record === undefined ? [] : [`record ${record}`]
  if (page !== undefined) place.push(`page ${page}`)
  return oneLine([file, ...place, `characters ${start} to ${end}`].join(', '), undefined)
}

/** `year=2020` means the text and the number, since a command line does not tell them apart; and so for true and false. */
function parseFilter(pairs: readonly string[]): Filter {
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
