/**
 * `glassformer ask`: answers a question and shows the passages that the answer came from.
 */
import {
  AutoReader,
  PromptReader,
  Rag,
  type Answer,
  type Passage,
  type PromptAnswer,
  type RagMode,
} from '../rag/index.js'
import { choice, UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { readPassages } from './input-files.js'
import { downloadOptions } from './download.js'
import { explained } from './explain.js'
import { oneLine, printable, type Terminal } from './terminal.js'

export const MODES: readonly RagMode[] = ['conditioned', 'rag-sequence', 'rag-token']

export const askSpec: CommandSpec = {
  name: 'ask',
  positionals: ['QUESTION'],
  summary: 'Answers a question from the passages that fit it best.',
  options: {
    passages: { type: 'string', value: 'FILE', help: 'answer from these passages; - reads standard input' },
    'top-k': { type: 'string', value: 'N', help: 'passages to read (default 5)' },
    mode: { type: 'string', value: 'MODE', help: 'conditioned (default), rag-sequence or rag-token' },
    reader: { type: 'string', value: 'FOLDER', help: 'the model that answers (default: the reader of the package)' },
    explain: { type: 'boolean', help: 'show for each word of the answer which passage and word it came from' },
    json: { type: 'boolean', help: 'print everything as JSON: passages, tokens, candidates' },
  },
  details:
    'A passage file holds JSON lines {"id", "title", "text"}, or plain text with a passage on each line. A reader that is\n' +
    'a decoder-only model, such as a Llama, reads all passages in one prompt; it has no mode, and its answer cannot be explained.\n' +
    'Example: echo "France is a country in Europe. Its capital is Paris." | glassformer ask "What is the capital of France?" --passages -',
}

export async function ask({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const { progress, signal } = terminal
  const [question] = positionals
  const mode = choice('mode', options.mode, MODES)
  const topK = wholeNumber('top-k', options['top-k'])
  if (question.trim() === '') throw new UsageError('QUESTION is empty')
  const passages = typeof options.passages === 'string' ? await readPassages(options.passages) : undefined
  const asked = { passages, topK, signal }
  const reader =
    typeof options.reader === 'string'
      ? await AutoReader.fromPretrained(options.reader, {
          ...downloadOptions(terminal),
          onProgress: (done, total) => progress('reader', done, total),
        })
      : undefined
  try {
    if (reader instanceof PromptReader) {
      const wrong = mode !== undefined ? '--mode' : options.explain ? '--explain' : undefined
      if (wrong) throw new UsageError(`${wrong} is for encoder-decoders, and the reader is none`)
      await askPrompt(reader, question, asked, options.json === true, terminal)
    } else {
      const load = { onProgress: progress, signal }
      const rag = await (reader
        ? Rag.fromPretrained(undefined, { ...load, reader })
        : Rag.fromPretrained(undefined, load))
      await withDisposal(rag, async () => {
        const answer = await rag.ask(question, { ...asked, mode, sources: options.explain === true })
        const described = options.explain ? explained : describe
        terminal.print(options.json ? JSON.stringify(answer, null, 2) : described(answer, terminal))
      })
    }
  } finally {
    reader?.dispose()
  }
}

interface Asked {
  readonly passages: readonly Passage[] | undefined
  readonly topK: number | undefined
  readonly signal: AbortSignal
}

/** The answer of a decoder-only model shows while it is written. */
async function askPrompt(
  reader: PromptReader,
  question: string,
  asked: Asked,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  const { print, write, progress, signal } = terminal
  const rag = await Rag.fromPretrained(undefined, { onProgress: progress, signal, reader })
  await withDisposal(rag, async () => {
    if (json) return print(JSON.stringify(await rag.ask(question, asked), null, 2))
    let begun = false
    const onText = (piece: string) => {
      const shown = begun ? piece : piece.trimStart()
      begun ||= shown !== ''
      write(shown)
    }
    const answer = await rag.ask(question, { ...asked, onText }).finally(() => begun && print(''))
    print(describePrompt(answer, terminal))
  })
}

async function withDisposal(rag: { dispose(): void }, use: () => Promise<void>): Promise<void> {
  try {
    await use()
  } finally {
    rag.dispose()
  }
}

function describe({ text, passages, pAnswerable, abstained }: Answer, terminal: Terminal): string {
  const { bold, dim } = terminal
  const likeliest = [...passages].sort((a, b) => b.posterior - a.posterior)
  const rows = likeliest.map((passage, i) => row(`[${i + 1}]`, passage, passage.posterior, terminal))
  const heading = abstained ? `The passages do not tell (p = ${(1 - pAnswerable).toFixed(3)}); looked at` : 'From'
  return [
    bold(printable(text)),
    '',
    dim(`${heading}, with the probability that each stands behind the answer:`),
    ...rows,
  ].join('\n')
}

/** What a model read at once has no share in the answer that could be told: the numbers are those of the retriever. */
function describePrompt({ passages, leftOut, ended }: PromptAnswer, terminal: Terminal): string {
  const { dim } = terminal
  return [
    ...(ended ? [] : [dim('(cut off at the greatest length)')]),
    '',
    dim('Read, with the probability of each before it was read:'),
    ...passages.map((passage, i) => row(`[${i + 1}]`, passage, passage.prior, terminal)),
    ...(leftOut.length > 0 ? [dim('Left out, since the model reads no more at once:')] : []),
    ...leftOut.map((passage) => row('   ', passage, passage.prior, terminal)),
  ].join('\n')
}

function row(number: string, { id, title, text }: Passage, probability: number, { dim, width }: Terminal): string {
  const label = title === '' ? '' : `${title}: `
  return `  ${number} ${probability.toFixed(3)}  ${oneLine(label + text, width && Math.max(20, width - 14))} ${dim(`(${id})`)}`
}
