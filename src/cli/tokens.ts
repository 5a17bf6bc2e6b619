/**
 * `glassformer tokens`: how a text is cut into tokens.
 */
import { DEFAULT_WEIGHTS } from '../shipped-files.js'
import { InputError } from '../errors.js'
import { openFolder, subfolder } from '../files/folder.js'
import { AutoTokenizer } from '../tokenizer/index.js'
import { openPretrained } from '../hub/index.js'
import type { Arguments, CommandSpec } from './arguments.js'
import { downloadOptions } from './download.js'
import { counted, type Terminal } from './terminal.js'

/** A tokenizer takes some 10 µs for each. */
const MOST_CHARACTERS = 20_000

export const tokensSpec: CommandSpec = {
  name: 'tokens',
  positionals: ['TEXT'],
  summary: 'Shows the tokens of a text and their ids.',
  options: {
    model: {
      type: 'string',
      value: 'MODEL',
      help: 'the folder, or org/name on the hub, whose tokenizer to use (default: the reader)',
    },
    json: { type: 'boolean', help: 'print as JSON' },
  },
}

export async function tokens({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const { print, dim } = terminal
  const folder =
    typeof options.model === 'string'
      ? await openPretrained(options.model, downloadOptions(terminal))
      : subfolder(openFolder(DEFAULT_WEIGHTS), 'reader')
  const tokenizer = await AutoTokenizer.fromPretrained(folder)
  const [text] = positionals
  if (text.length > MOST_CHARACTERS) {
    throw new InputError('too-long', `TEXT has ${text.length} characters, expected at most ${MOST_CHARACTERS}`)
  }
  const encoding = tokenizer.encode(text)
  if (options.json) {
    print(JSON.stringify(encoding))
    return
  }
  encoding.ids.forEach((id, i) => print(`${String(id).padStart(6)}  ${encoding.tokens[i]}`))
  print(dim(counted(encoding.ids.length, 'token')))
}
