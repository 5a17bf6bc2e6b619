/**
 * `glassformer ask`: answers a question and shows the passages that the answer came from.
 */
import { readFile } from 'node:fs/promises'
import { text as readStream } from 'node:stream/consumers'
import { FileError } from '../errors.js'
import { CorpusError, parseCorpus, Rag, type Answer, type Passage, type RagMode } from '../rag/index.js'
import { UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { oneLine, type Terminal } from './terminal.js'

const MODES: readonly string[] = ['conditioned', 'rag-sequence', 'rag-token'] satisfies RagMode[]

export const askSpec: CommandSpec = {
  name: 'ask',
  positionals: ['QUESTION'],
  summary: 'Answers a question from the passages that fit it best.',
  options: {
    passages: { type: 'string', value: 'FILE', help: 'answer from these passages; - reads standard input' },
    'top-k': { type: 'string', value: 'N', help: 'passages to read (default 5)' },
    mode: { type: 'string', value: 'MODE', help: 'conditioned (default), rag-sequence or rag-token' },
    json: { type: 'boolean', help: 'print everything as JSON: passages, tokens, candidates' },
  },
  details:
    'A passage file holds JSON lines {"id", "title", "text"}, or plain text with a passage on each line.\n' +
    'Example: echo "France is a country in Europe. Its capital is Paris." | glassformer ask "What is the capital of France?" --passages -',
}

export async function ask({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const [question] = positionals
  const mode = options.mode ?? 'conditioned'
  if (!MODES.includes(String(mode))) throw new UsageError(`--mode is "${mode}", expected one of ${MODES.join(', ')}`)
  const topK = wholeNumber('top-k', options['top-k'])
  if (question.trim() === '') throw new UsageError('QUESTION is empty')
  const passages = typeof options.passages === 'string' ? await readPassages(options.passages) : undefined
  const rag = await Rag.fromPretrained(undefined, { onProgress: terminal.progress, signal: terminal.signal })
  try {
    const answer = await rag.ask(question, { passages, topK, mode: mode as RagMode, signal: terminal.signal })
    terminal.print(options.json ? JSON.stringify(answer, null, 2) : describe(answer, terminal))
  } finally {
    rag.dispose()
  }
}

/** JSON lines, or plain text with a passage on each line. */
async function readPassages(file: string): Promise<Passage[]> {
  const where = file === '-' ? 'standard input' : file
  const text = file === '-' ? await readStream(process.stdin) : await readTextFile(file)
  if (text.trimStart().startsWith('{')) return parseCorpus(text, where)
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (lines.length === 0) throw new CorpusError('empty-corpus', `${where}: there are no passages; give at least one`)
  return lines.map((line, i) => ({ id: String(i + 1), title: '', text: line.trim() }))
}

export async function readTextFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new FileError('file-unreadable', `${file}: cannot be read (${(error as Error).message})`, { cause: error })
  }
}

function describe({ text, passages, pAnswerable, abstained }: Answer, { bold, dim, width }: Terminal): string {
  const likeliest = [...passages].sort((a, b) => b.posterior - a.posterior)
  const rows = likeliest.map(({ id, title, text: passage, posterior }, i) => {
    const label = title === '' ? '' : `${title}: `
    return `  [${i + 1}] ${posterior.toFixed(3)}  ${oneLine(label + passage, width && Math.max(20, width - 14))} ${dim(`(${id})`)}`
  })
  const heading = abstained ? `The passages do not tell (p = ${(1 - pAnswerable).toFixed(3)}); looked at` : 'From'
  return [bold(text), '', dim(`${heading}, with the probability that each stands behind the answer:`), ...rows].join(
    '\n',
  )
}
