/**
 * `glassformer generate`: a model goes on from a prompt, or answers it, and what it writes shows as it comes.
 */
import { InputError } from '../errors.js'
import { openPretrained } from '../hub/index.js'
import { AutoModelForGeneration, CausalLM, type GenerativeOptions, type Seq2SeqLM } from '../models/index.js'
import { write } from '../models/write.js'
import { AutoTokenizer, type Tokenizer } from '../tokenizer/index.js'
import { positiveNumber, UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { downloadOptions } from './download.js'
import { readTextFile } from './input-files.js'
import type { Terminal } from './terminal.js'

/** Most new tokens, where neither the caller nor the checkpoint says; fewer where the model's positions end. */
const DEFAULT_LENGTH = 256

export const generateSpec: CommandSpec = {
  name: 'generate',
  positionals: ['MODEL', 'PROMPT'],
  summary: 'Writes a text with a model: what follows a prompt, or what an encoder-decoder makes of it.',
  options: {
    chat: { type: 'boolean', help: "put the prompt as a user's message, by the model's chat template" },
    'max-new-tokens': { type: 'string', value: 'N', help: `most tokens to write (default ${DEFAULT_LENGTH})` },
    temperature: { type: 'string', value: 'T', help: 'draw tokens; below 1 likely ones more often, above 1 less' },
    'top-k': { type: 'string', value: 'N', help: 'draw among the N likeliest tokens (default 50)' },
    'top-p': { type: 'string', value: 'P', help: 'draw among the likeliest tokens that together have probability P' },
    seed: { type: 'string', value: 'N', help: 'draw the same tokens again' },
    beams: { type: 'string', value: 'N', help: 'beam search with N beams; shown at its end' },
    json: { type: 'boolean', help: 'print text and tokens with their log-probabilities as JSON' },
  },
  details:
    'MODEL is a Hugging Face folder, a GGUF file, a URL of either, or org/name on the hub. - as PROMPT reads standard input. Without an option that draws, the likeliest\n' +
    'token is taken each time, unless generation_config.json says otherwise.',
}

export async function generate({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const { print, progress, signal } = terminal
  const [location, given] = positionals
  const search = searchOptions(options)
  const prompt = given === '-' ? (await readTextFile('-')).replace(/\r?\n$/, '') : given
  if (prompt === '') throw new UsageError('PROMPT is empty')
  const folder = await openPretrained(location, downloadOptions(terminal))
  const tokenizer = await AutoTokenizer.fromPretrained(folder)
  const model = await AutoModelForGeneration.fromPretrained(folder, {
    signal,
    onProgress: (done, total) => progress('weights', done, total),
  })
  let begun = false
  const onText = (piece: string) => {
    begun = true
    terminal.write(piece)
  }
  try {
    const ids = await promptIds(tokenizer, prompt, options.chat === true, model.maxLength)
    const written = await write<{ inputIds: number[][] }>(
      model,
      tokenizer,
      { inputIds: [ids] },
      {
        ...search,
        maxNewTokens: lengthOf(model, ids.length, search.maxNewTokens),
        tokenizer,
        signal,
        onText: options.json ? undefined : onText,
      },
    )
    if (options.json) print(JSON.stringify({ prompt, ...written }, null, 2))
  } finally {
    if (begun) print('')
    model.dispose()
  }
}

function searchOptions(options: Arguments['options']): GenerativeOptions {
  const drawing = {
    temperature: positiveNumber('temperature', options.temperature),
    topK: wholeNumber('top-k', options['top-k']),
    topP: positiveNumber('top-p', options['top-p'], 1),
    seed: wholeNumber('seed', options.seed, 0),
  }
  const numBeams = wholeNumber('beams', options.beams)
  const draws = Object.values(drawing).some((value) => value !== undefined)
  if (draws && numBeams !== undefined) {
    throw new UsageError('--beams searches and --temperature, --top-k, --top-p and --seed draw; give one or the other')
  }
  const maxNewTokens = wholeNumber('max-new-tokens', options['max-new-tokens'])
  return { ...drawing, numBeams, doSample: draws ? true : numBeams === undefined ? undefined : false, maxNewTokens }
}

/** Characters of a prompt for each token that the model reads, and no more. */
const CHARACTERS_PER_TOKEN = 25

/** @throws InputError for a prompt that is longer than the model reads, before all of it is made into tokens */
async function promptIds(tokenizer: Tokenizer, prompt: string, chat: boolean, maxLength: number): Promise<number[]> {
  const most = Math.max(4096, maxLength * CHARACTERS_PER_TOKEN)
  if (prompt.length > most) {
    throw new InputError(
      'too-long',
      `the prompt has ${prompt.length} characters, and ${most} are read at most, since this model has ${maxLength} positions`,
    )
  }
  if (!chat) return tokenizer.encode(prompt).ids
  const { ids } = await tokenizer.applyChatTemplate([{ role: 'user', content: prompt }], { addGenerationPrompt: true })
  return ids
}

/** @throws InputError where prompt and text are longer than a decoder-only model's positions */
function lengthOf(model: CausalLM | Seq2SeqLM, prompt: number, asked: number | undefined): number | undefined {
  const { maxNewTokens, maxLength } = model.generationConfig.options
  const byCheckpoint = maxNewTokens ?? maxLength
  if (!(model instanceof CausalLM)) {
    if (prompt > model.maxLength) {
      throw new InputError('too-long', `the prompt has ${prompt} tokens, this model reads ${model.maxLength} at most`)
    }
    return asked ?? (byCheckpoint === undefined ? DEFAULT_LENGTH : undefined)
  }
  const room = model.maxLength - prompt
  if (room < (asked ?? 1)) {
    throw new InputError(
      'too-long',
      `the prompt has ${prompt} tokens and ${asked ?? 1} are to be written, this model has ${model.maxLength} positions`,
    )
  }
  return asked ?? (byCheckpoint === undefined ? Math.min(DEFAULT_LENGTH, room) : undefined)
}
