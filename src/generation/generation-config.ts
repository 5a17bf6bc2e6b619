/**
 * What steers a generation: generation_config.json (or config.json) of the checkpoint, and over it the caller's options.
 */
import { InputError } from '../errors.js'
import type { JsonObject } from '../files/json.js'

/** The checkpoint's own settings. */
export interface GenerationConfig {
  readonly decoderStartTokenId: number
  readonly eosTokenIds: readonly number[]
  readonly padTokenId: number
  /** Longest output with the start token; 20 where the checkpoint says nothing, as in transformers. */
  readonly maxLength: number
  /** Settings in the file that this version cannot follow, such as `num_beams: 4`. generate() refuses to run with any. */
  readonly unsupported: readonly string[]
}

export interface GenerateOptions {
  /** Most tokens to write, without the start token. Wins over maxLength. */
  readonly maxNewTokens?: number
  /** Longest output, with the start token. */
  readonly maxLength?: number
  /** The end token cannot come before this many new tokens. */
  readonly minNewTokens?: number
  /** The end token cannot come before the output, with the start token, has this length. */
  readonly minLength?: number
}

/** Fields that change what is generated, with the values that leave plain greedy search as it is. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  num_beams: [1],
  do_sample: [false],
  repetition_penalty: [1],
  no_repeat_ngram_size: [0],
  encoder_no_repeat_ngram_size: [0],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  bad_words_ids: [],
  suppress_tokens: [],
  min_length: [0],
  min_new_tokens: [0],
}

/** Fields are looked up in `generation` first and in `config` where it is silent. */
export function generationConfig(config: JsonObject, generation: JsonObject | undefined): GenerationConfig {
  const at = (key: string) => (generation?.has(key) ? generation : config)
  const eos = at('eos_token_id').get('eos_token_id')
  const list = Array.isArray(eos) && eos.every((id) => Number.isSafeInteger(id)) ? (eos as number[]) : undefined
  const pad = at('pad_token_id').integer('pad_token_id', { min: 0, fallback: 0 })
  return {
    decoderStartTokenId: at('decoder_start_token_id').integer('decoder_start_token_id', { min: 0, fallback: pad }),
    eosTokenIds: list ?? [at('eos_token_id').integer('eos_token_id', { min: 0, fallback: 1 })],
    padTokenId: pad,
    maxLength: at('max_length').integer('max_length', { fallback: 20 }),
    unsupported: Object.entries(NEUTRAL)
      .filter(([key, neutral]) => generation?.has(key) && !neutral.includes(generation.get(key)))
      .map(([key]) => `${key}: ${JSON.stringify(generation?.get(key))}`),
  }
}

/** Limits of one run, in new tokens. @throws InputError for a limit that is not a whole number or that contradicts another */
export function lengthLimits(options: GenerateOptions, config: GenerationConfig): { min: number; max: number } {
  for (const key of ['maxNewTokens', 'maxLength', 'minNewTokens', 'minLength'] as const) {
    const value = options[key]
    const least = key.startsWith('max') ? 1 : 0
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least)) {
      throw new InputError('bad-option', `generate: ${key} is ${value}, expected a whole number of ${least} or more`)
    }
  }
  const max = options.maxNewTokens ?? (options.maxLength ?? config.maxLength) - 1
  const min = Math.max(options.minNewTokens ?? 0, (options.minLength ?? 0) - 1)
  return { min, max }
}
