/**
 * The options of a generation: names, meanings and defaults are those of transformers' GenerationConfig, in camelCase.
 */
import { InputError } from '../errors.js'

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

export const is = {
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
export const ABOVE_0 = [is.above0, 'a number above 0'] as const
const FRACTION = [is.fraction, 'a number from 0 to 1'] as const
const IDS = [is.ids, 'a list of token ids'] as const
export const ID_OR_IDS = [is.idOrIds, 'a token id or a list of them'] as const

/** What each option may be. */
export const CHECKS: Readonly<Record<keyof GenerateOptions, readonly [(value: unknown) => boolean, string]>> = {
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

export const OPTION_NAMES = Object.keys(CHECKS) as (keyof GenerateOptions)[]

/** What a caller may pass beside the options of generation itself. */
const OTHER_OPTIONS: readonly string[] = ['hooks', 'signal']

/** @throws InputError for an option that is unknown or wrong */
export function checkOptions(options: GenerateOptions): void {
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
}

function show(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
