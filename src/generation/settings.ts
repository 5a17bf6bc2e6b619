/**
 * The settings of one run: the caller's options over those of the checkpoint, complete and checked against each other.
 */
import { InputError } from '../errors.js'
import type { GenerationConfig } from './generation-config.js'
import { checkOptions, type GenerateOptions } from './options.js'

/** Every setting of one run. Lengths are those of whole sequences, with the prompt. */
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

/**
 * The options of one run, with the checkpoint's below them.
 * @throws InputError for an option that is unknown, wrong, or contradicts another
 */
export function resolveSettings(
  options: GenerateOptions,
  config: GenerationConfig,
  { promptLength, hasSource }: { readonly promptLength: number; readonly hasSource: boolean },
): Settings {
  requireFollowable(options, config)
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

/** Most positions that a cache takes memory for before they are written; it grows beyond them. */
const MOST_EXPECTED = 1024

/** New tokens that a cache makes room for at first. */
export function expectedTokens(options: GenerateOptions, { options: file }: GenerationConfig): number {
  const limit = options.maxNewTokens ?? options.maxLength ?? file.maxNewTokens ?? file.maxLength ?? 20
  return Math.min(limit, MOST_EXPECTED)
}

/** @throws InputError for an option that is unknown or wrong, or where the checkpoint asks for what is not supported */
export function requireFollowable(options: GenerateOptions, config: GenerationConfig): void {
  checkOptions(options)
  if (config.unsupported.length > 0) {
    throw new InputError(
      'unsupported-generation',
      `generation_config.json asks for ${config.unsupported.join(', ')}, which this version cannot do`,
    )
  }
}
