/**
 * `glassformer embed`: a vector for each text, as JSON lines.
 */
import { InputError } from '../errors.js'
import { SentenceEncoder } from '../rag/index.js'
import { UsageError, type Arguments, type CommandSpec } from './arguments.js'
import { downloadOptions } from './download.js'
import { poolingOf, poolingOptions } from './encoder.js'
import { linesOf, readTextFile } from './input-files.js'
import type { Terminal } from './terminal.js'

/** Texts whose vectors are printed together. */
const CHUNK = 256

export const embedSpec: CommandSpec = {
  name: 'embed',
  positionals: ['MODEL', '[TEXT...]'],
  summary: 'Makes a vector of each text: a line of JSON for each, in their order.',
  options: {
    ...poolingOptions,
    truncate: { type: 'boolean', help: 'cut a text that is longer than the model reads, in place of failing' },
    json: { type: 'boolean', help: 'print {"text", "embedding"} and not the bare vector' },
  },
  details:
    'MODEL is a sentence-transformers folder, or with --pooling that of any encoder. Without a TEXT, or for -, each line of\n' +
    'standard input is one.',
}

export async function embed({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const { print, progress, signal } = terminal
  const [location, ...given] = positionals
  const pooling = poolingOf(options)
  const texts = await textsOf(given)
  const encoder = await SentenceEncoder.fromPretrained(location, {
    ...downloadOptions(terminal),
    ...pooling,
    onProgress: (done, total) => progress('weights', done, total),
  })
  try {
    for (let start = 0; start < texts.length; start += CHUNK) {
      const chunk = texts.slice(start, start + CHUNK)
      const vectors = await encoder.embed(chunk, {
        truncate: options.truncate === true,
        signal,
        onProgress: (done) => progress('embedding', start + done, texts.length),
      })
      chunk.forEach((text, i) => {
        const vector = Array.from(vectors.subarray(i * encoder.dimension, (i + 1) * encoder.dimension), shortest)
        print(JSON.stringify(options.json ? { text, embedding: vector } : vector))
      })
    }
  } finally {
    encoder.dispose()
  }
}

async function textsOf(given: readonly string[]): Promise<readonly string[]> {
  if (given.length > 0 && !(given.length === 1 && given[0] === '-')) return given
  if (given.length === 0 && process.stdin.isTTY) throw new UsageError('TEXT is missing')
  const texts = linesOf(await readTextFile('-'))
  if (texts.length === 0) throw new InputError('no-texts', 'standard input: there are no texts; give one on each line')
  return texts
}

/** Nine digits tell every float32 from its neighbours. */
function shortest(value: number): number {
  return Number(value.toPrecision(9))
}
