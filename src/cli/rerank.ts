/**
 * `glassformer rerank`: scores passages for a question with a cross-encoder.
 */
import { Reranker } from '../rag/index.js'
import { UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { downloadOptions } from './download.js'
import { readPassages } from './input-files.js'
import { oneLine, type Terminal } from './terminal.js'

export const rerankSpec: CommandSpec = {
  name: 'rerank',
  positionals: ['MODEL', 'QUESTION'],
  summary: 'Sorts passages by how well they fit a question, with a cross-encoder.',
  options: {
    passages: { type: 'string', value: 'FILE', help: 'the passages; standard input unless given, or for -' },
    'top-k': { type: 'string', value: 'N', help: 'show only the N best' },
    json: { type: 'boolean', help: 'print as JSON' },
  },
  details:
    'MODEL is the folder of a sequence classifier with one label, such as ms-marco-MiniLM-L6-v2. A passage file holds JSON\n' +
    'lines {"id", "title", "text"}, or plain text with a passage on each line. The score is the logit.',
}

export async function rerank({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const { print, progress, signal, bold, dim, width } = terminal
  const [location, question] = positionals
  const topK = wholeNumber('top-k', options['top-k'])
  if (question.trim() === '') throw new UsageError('QUESTION is empty')
  const { passages: file = '-' } = options
  if (options.passages === undefined && process.stdin.isTTY) throw new UsageError('--passages FILE is missing')
  const passages = await readPassages(String(file))
  const reranker = await Reranker.fromPretrained(location, {
    ...downloadOptions(terminal),
    onProgress: (done, total) => progress('weights', done, total),
  })
  try {
    const ranked = await reranker.rerank(question, passages, {
      topK,
      signal,
      onProgress: (done, total) => progress('reranking', done, total),
    })
    if (options.json) {
      print(JSON.stringify({ question, passages: ranked }, null, 2))
      return
    }
    ranked.forEach(({ id, title, text, score }, i) => {
      const label = title === '' ? '' : `${title}: `
      const shown = oneLine(label + text, width && Math.max(20, width - 17))
      print(`${bold(`[${i + 1}]`)} ${score.toFixed(3).padStart(7)}  ${shown} ${dim(`(${id})`)}`)
    })
  } finally {
    reranker.dispose()
  }
}
