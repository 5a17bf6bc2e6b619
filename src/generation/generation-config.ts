/**
 * What steers a generation: the caller's options, and below them the checkpoint's generation_config.json, or config.json where there is
 * none. Names, meanings and defaults are those of transformers' GenerationConfig.
 */
import { ConfigError, InputError } from '../errors.js'
import type { Json, JsonObject } from '../files/json.js'

/** What stop strings and streams need of a tokenizer. */
export interface TextDecoder {
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string
}

/**
 * Changes the scores of one row in place: logits, or in a beam search log-probabilities. `sequence` is what the row holds so far, with
 * its prompt; `source` is the index of the input that it belongs to.
 */
export type LogitsProcessor = (scores: Float32Array, sequence: readonly number[], source: number) => void

export interface GenerateOptions {
  /** Most tokens to write. Wins over maxLength; 20 where neither is given. */
  readonly maxNewTokens?: number
  /** Longest output, with the prompt or the start token. */
  readonly maxLength?: number
  /** The end token cannot come before this many new tokens. */
  readonly minNewTokens?: number
  /** The end token cannot come before the output, with the prompt or the start token, has this length. */
  readonly minLength?: number

  /** Beams of a search; 1 is greedy search, or sampling with doSample. */
  readonly numBeams?: number
  /**
   * When a beam search ends: `true` as soon as there are numBeams finished sequences; `false` when no running beam, at its present
   * length, beats the worst of them; 'never' when none could at any length.
   */
  readonly earlyStopping?: boolean | 'never'
  /** A beam's score is its log-probability over length^lengthPenalty: above 0 prefers longer sequences. */
  readonly lengthPenalty?: number
  /** Sequences for each input: the best beams, or samples. */
  readonly numReturnSequences?: number

  /** Draw each token and do not take the best. */
  readonly doSample?: boolean
  /** Logits are divided by it before drawing. */
  readonly temperature?: number
  /** Draw among this many best tokens; 0 for all. 50 unless told, as in transformers. */
  readonly topK?: number
  /** Draw among the best tokens that together have this probability. */
  readonly topP?: number
  /** Draw among tokens with at least this share of the best one's probability. */
  readonly minP?: number
  /** Equal seeds draw equal tokens; random where none is given. A row's draws do not depend on the other rows. */
  readonly seed?: number

  /** Tokens that the row holds already, prompt included, become less likely: above 1. */
  readonly repetitionPenalty?: number
  /** Tokens of the source become more likely: above 1. Encoder-decoders only. */
  readonly encoderRepetitionPenalty?: number
  /** No n tokens in a row come twice; 0 for no limit. */
  readonly noRepeatNgramSize?: number
  /** No n tokens in a row come that the source holds. Encoder-decoders only. */
  readonly encoderNoRepeatNgramSize?: number
  /** Sequences of tokens that are not written. */
  readonly badWordsIds?: readonly (readonly number[])[]
  /** The token after the start token. */
  readonly forcedBosTokenId?: number
  /** The last token of an output of the greatest length. */
  readonly forcedEosTokenId?: number | readonly number[]
  /** Tokens that are never written. */
  readonly suppressTokens?: readonly number[]
  /** Tokens that are not written first. */
  readonly beginSuppressTokens?: readonly number[]
  /** Further processors, which run after those above and before the ones of sampling. */
  readonly logitsProcessors?: readonly LogitsProcessor[]

  /** A row ends with any of these. */
  readonly eosTokenId?: number | readonly number[]
  readonly padTokenId?: number
  /** A row ends when its new text holds one of these; needs `tokenizer`. */
  readonly stopStrings?: string | readonly string[]
  readonly tokenizer?: TextDecoder
}

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

const is = {
  count: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0,
  positive: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1,
  finite: (value: unknown) => Number.isFinite(value),
  above0: (value: unknown) => Number.isFinite(value) && (value as number) > 0,
  fraction: (value: unknown) => Number.isFinite(value) && (value as number) >= 0 && (value as number) <= 1,
  ids: (value: unknown) => Array.isArray(value) && value.every(is.count),
  idOrIds: (value: unknown) => is.count(value) || is.ids(value),
}

const COUNT = [is.count, 'a whole number of 0 or more'] as const
const POSITIVE = [is.positive, 'a whole number of 1 or more'] as const
const ABOVE_0 = [is.above0, 'a number above 0'] as const
const FRACTION = [is.fraction, 'a number from 0 to 1'] as const
const IDS = [is.ids, 'a list of token ids'] as const
const ID_OR_IDS = [is.idOrIds, 'a token id or a list of them'] as const

/** What each option may be. */
const CHECKS: Readonly<Record<keyof GenerateOptions, readonly [(value: unknown) => boolean, string]>> = {
  maxNewTokens: POSITIVE,
  maxLength: POSITIVE,
  minNewTokens: COUNT,
  minLength: COUNT,
  numBeams: POSITIVE,
  earlyStopping: [(value) => value === 'never' || typeof value === 'boolean', "true, false or 'never'"],
  lengthPenalty: [is.finite, 'a number'],
  numReturnSequences: POSITIVE,
  doSample: [(value) => typeof value === 'boolean', 'true or false'],
  temperature: ABOVE_0,
  topK: COUNT,
  topP: FRACTION,
  minP: FRACTION,
  seed: COUNT,
  repetitionPenalty: ABOVE_0,
  encoderRepetitionPenalty: ABOVE_0,
  noRepeatNgramSize: COUNT,
  encoderNoRepeatNgramSize: COUNT,
  badWordsIds: [
    (value) => Array.isArray(value) && value.every((word) => is.ids(word) && (word as number[]).length > 0),
    'a list of lists of token ids',
  ],
  forcedBosTokenId: [is.count, 'a token id'],
  forcedEosTokenId: ID_OR_IDS,
  suppressTokens: IDS,
  beginSuppressTokens: IDS,
  logitsProcessors: [
    (value) => Array.isArray(value) && value.every((one) => typeof one === 'function'),
    'a list of functions',
  ],
  eosTokenId: ID_OR_IDS,
  padTokenId: [is.count, 'a token id'],
  stopStrings: [
    (value) => [value].flat().every((one) => typeof one === 'string' && one !== ''),
    'a string or a list of strings, none of them empty',
  ],
  tokenizer: [
    (value) => typeof (value as TextDecoder | null)?.decode === 'function',
    'a tokenizer, which decodes what is compared with stopStrings',
  ],
}

const OPTION_NAMES = Object.keys(CHECKS) as (keyof GenerateOptions)[]

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

/** Every setting of one run, in new tokens and token ids. */
export interface Settings extends GenerateOptions {
  /** Length of the longest output, with the prompt. */
  readonly maxLength: number
  readonly minLength: number
  readonly numBeams: number
  readonly numReturnSequences: number
  readonly earlyStopping: boolean | 'never'
  readonly lengthPenalty: number
  readonly doSample: boolean
  readonly topK: number
  readonly eosTokenIds: readonly number[]
  readonly padTokenId: number
  readonly stopStrings: readonly string[]
  readonly promptLength: number
}

/** What a caller may pass beside the options of generation itself. */
const OTHER_OPTIONS: readonly string[] = ['hooks', 'signal']

/**
 * The options of one run, with the checkpoint's below them.
 * @throws InputError for an option that is unknown, wrong, or contradicts another
 */
export function resolveSettings(
  options: GenerateOptions,
  config: GenerationConfig,
  { promptLength, hasSource }: { readonly promptLength: number; readonly hasSource: boolean },
): Settings {
  checkOptions(options, config)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const merged: GenerateOptions = { ...config.options, ...given }
  const fileLength = config.options.maxNewTokens ?? config.options.maxLength
  // A limit of the caller wins over any limit of the file, whichever way each counts.
  const limits = options.maxNewTokens === undefined && options.maxLength !== undefined ? options : merged
  const maxNewTokens = limits.maxNewTokens ?? (limits.maxLength === undefined ? 20 : limits.maxLength - promptLength)
  const { numBeams = 1, numReturnSequences = 1, doSample = false } = merged
  const refuse = (why: string): never => {
    throw new InputError('bad-option', `generate: ${why}`)
  }
  if (maxNewTokens < 1) {
    refuse(`the prompt has ${promptLength} tokens and maxLength is ${limits.maxLength ?? fileLength}; set maxNewTokens`)
  }
  if (numBeams > 1 && doSample) refuse('sampling in a beam search (doSample with numBeams) is not supported')
  if (numBeams === 1 && !doSample && numReturnSequences > 1) {
    refuse(`numReturnSequences is ${numReturnSequences}, and greedy search finds one; set doSample or numBeams`)
  }
  if (numBeams > 1 && numReturnSequences > numBeams) {
    refuse(`numReturnSequences is ${numReturnSequences}, there are only ${numBeams} beams`)
  }
  const stopStrings = [merged.stopStrings ?? []].flat()
  if (stopStrings.length > 0 && !merged.tokenizer) refuse('stopStrings need the tokenizer, to be compared with text')
  const ofSource = (['encoderRepetitionPenalty', 'encoderNoRepeatNgramSize'] as const).find((name) => merged[name])
  if (ofSource && !hasSource) refuse(`${ofSource} is for encoder-decoders`)
  return {
    ...merged,
    promptLength,
    maxLength: promptLength + maxNewTokens,
    minLength: Math.max(merged.minLength ?? 0, promptLength + (merged.minNewTokens ?? 0)),
    numBeams,
    numReturnSequences,
    earlyStopping: merged.earlyStopping ?? false,
    lengthPenalty: merged.lengthPenalty ?? 1,
    doSample,
    topK: merged.topK ?? 50,
    eosTokenIds: options.eosTokenId === undefined ? config.eosTokenIds : [options.eosTokenId].flat(),
    padTokenId: options.padTokenId ?? config.padTokenId,
    stopStrings,
  }
}

/** @throws InputError for an option that is unknown or wrong, or for a file that asks for what is not supported */
export function checkOptions(options: GenerateOptions, config: GenerationConfig): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || OTHER_OPTIONS.includes(name)) continue
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof GenerateOptions] : undefined
    if (!check) {
      throw new InputError(
        'unknown-option',
        `generate: unknown option ${name}; known: ${[...OPTION_NAMES, ...OTHER_OPTIONS].join(', ')}`,
      )
    }
    const [fits, wanted] = check
    if (fits(value)) continue
    throw new InputError('bad-option', `generate: ${name} is ${show(value)}, expected ${wanted}`)
  }
  if (config.unsupported.length > 0) {
    throw new InputError(
      'unsupported-generation',
      `generation_config.json asks for ${config.unsupported.join(', ')}, which this version cannot do`,
    )
  }
}

function show(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** New tokens that a cache makes room for at first. */
export function expectedTokens(options: GenerateOptions, { options: file }: GenerationConfig): number {
  return options.maxNewTokens ?? options.maxLength ?? file.maxNewTokens ?? file.maxLength ?? 20
}
