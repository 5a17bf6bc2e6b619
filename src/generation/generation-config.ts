/**
 * What a checkpoint says about generation: generation_config.json, or config.json where there is none.
 */
import { ConfigError } from '../errors.js'
import type { Json, JsonObject } from '../files/json.js'
import { ABOVE_0, CHECKS, ID_OR_IDS, is, OPTION_NAMES, type GenerateOptions } from './options.js'

/** The checkpoint's own settings. */
export interface GenerationConfig {
  readonly decoderStartTokenId: number
  readonly eosTokenIds: readonly number[]
  /** What fills up rows that have ended: the padding token, or the end token where the checkpoint names none. */
  readonly padTokenId: number
  /** Options that the file sets. */
  readonly options: GenerateOptions
  /** Settings in the file that this version cannot follow, such as `penalty_alpha: 0.6`. generate() refuses to run with any. */
  readonly unsupported: readonly string[]
}

/** Fields that this version cannot follow, with the values that change nothing. */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  num_beam_groups: [1],
  diversity_penalty: [0],
  penalty_alpha: [0],
  typical_p: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  guidance_scale: [1],
  sequence_bias: [],
  renormalize_logits: [false],
  remove_invalid_values: [false],
  exponential_decay_length_penalty: [],
  constraints: [],
  force_words_ids: [],
  watermarking_config: [],
  token_healing: [false],
}

/** The end token that a family's configuration class in transformers assumes where config.json is silent. */
const FAMILY_EOS: ReadonlyMap<string, number> = new Map([
  ['t5', 1],
  ['bart', 2],
  ['gpt2', 50256],
  ['llama', 2],
])

/**
 * Settings come from generation_config.json, or from config.json where there is no such file; token ids from config.json also
 * where the other is silent.
 * @throws ConfigError for a setting of a wrong type
 */
export function generationConfig(config: JsonObject, generation: JsonObject | undefined): GenerationConfig {
  const file = generation ?? config
  // A RAG's config.json may leave its token ids to that of its generator, which it holds.
  const model = config.has('generator') ? config.object('generator') : config
  const holder = (key: string) => [file, config].find((json) => json.has(key)) ?? model
  const id = (key: string) => (holder(key).has(key) ? holder(key).integer(key, { min: 0 }) : undefined)
  const eos = holder('eos_token_id').get('eos_token_id')
  const family = model.has('model_type') ? FAMILY_EOS.get(model.string('model_type')) : undefined
  const eosTokenIds = [(eos === undefined ? family : eos) ?? []].flat() as number[]
  requireSetting(file, 'eos_token_id', is.ids(eosTokenIds), ID_OR_IDS[1])
  const pad = id('pad_token_id')
  return {
    decoderStartTokenId: id('decoder_start_token_id') ?? id('bos_token_id') ?? pad ?? 0,
    eosTokenIds,
    padTokenId: pad ?? eosTokenIds[0] ?? 0,
    options: fileOptions(file),
    unsupported: Object.entries(UNSUPPORTED)
      .filter(([key, neutral]) => file.has(key) && !neutral.includes(file.get(key)))
      .map(([key]) => `${key}: ${JSON.stringify(file.get(key))}`),
  }
}

function fileOptions(file: JsonObject): GenerateOptions {
  const notFromFiles = ['eosTokenId', 'padTokenId', 'tokenizer', 'logitsProcessors']
  const entries = OPTION_NAMES.filter((name) => !notFromFiles.includes(name)).flatMap((name): [string, Json][] => {
    const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    if (!file.has(key)) return []
    const value = file.get(key)!
    const [fits, wanted] = CHECKS[name]
    // The default, which old files spell out and transformers then takes for 20 new tokens.
    if (name === 'maxLength' && value === 20) return []
    // Old files hold 0 where an option is off.
    if (value === 0 && (wanted === ABOVE_0[1] || name === 'maxNewTokens')) return []
    requireSetting(file, key, fits(value), wanted)
    return [[name, value]]
  })
  return Object.fromEntries(entries)
}

function requireSetting(file: JsonObject, key: string, fits: boolean, wanted: string): void {
  if (fits) return
  throw new ConfigError(
    'config-type',
    `${file.where}: "${key}" is ${JSON.stringify(file.get(key))}, expected ${wanted}`,
  )
}
