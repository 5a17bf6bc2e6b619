/**
 * From a decoding to its output: the settings decide between greedy search, sampling and beam search.
 */
import { InputError } from '../errors.js'
import { beamSearch } from './beam-search.js'
import type { Decoding } from './decoder.js'
import type { GenerationConfig } from './generation-config.js'
import type { GenerateOptions } from './options.js'
import { resolveSettings, type Settings } from './settings.js'
import { generateSteps, type GenerationStep } from './steps.js'

export interface GenerateOutput {
  /** Token ids with the prompt or start token, filled up to the longest row. [inputs * numReturnSequences][length] */
  readonly sequences: readonly (readonly number[])[]
  /**
   * Log-probability of each token after the prompt, under the distribution that it was taken from: after the processors, in nats.
   * [inputs * numReturnSequences][new tokens], without the filling in a beam search and 0 there else
   */
  readonly logProbs: readonly (readonly number[])[]
  /** Score of each sequence of a beam search: the sum of its log-probabilities over length^lengthPenalty. */
  readonly sequencesScores?: readonly number[]
}

export type SearchOptions = GenerateOptions & { readonly signal?: AbortSignal }

/**
 * Writes a text, or several, for each row of the prompt.
 * @throws InputError for an option that is unknown, wrong or not supported, AbortedError when the signal fires between steps
 */
export async function generate(
  decoding: Decoding,
  config: GenerationConfig,
  options: SearchOptions = {},
): Promise<GenerateOutput> {
  const settings = settingsOf(decoding, config, options)
  if (settings.numBeams > 1) return searched(decoding, settings, options.signal)
  const inputs = decoding.prompt.flatMap((row) => new Array<typeof row>(settings.numReturnSequences).fill(row))
  const sequences = inputs.map((row) => [...row])
  const logProbs = inputs.map((): number[] => [])
  for await (const step of generateSteps(decoding, settings, options.signal)) {
    step.tokens.forEach((token, row) => sequences[row].push(token))
    step.logProbs.forEach((logProb, row) => logProbs[row].push(logProb))
  }
  return { sequences, logProbs }
}

/**
 * The steps of greedy search or sampling, one by one as they are decided.
 * @throws InputError also for a beam search, which knows no token for sure before its end
 */
export function stream(
  decoding: Decoding,
  config: GenerationConfig,
  options: SearchOptions = {},
): AsyncGenerator<GenerationStep, void, void> {
  const settings = settingsOf(decoding, config, options)
  if (settings.numBeams > 1) {
    throw new InputError(
      'bad-option',
      `generate: a beam search (numBeams ${settings.numBeams}) cannot be streamed, since any token may change until its end; set numBeams: 1 or call generate()`,
    )
  }
  return generateSteps(decoding, settings, options.signal)
}

async function searched(decoding: Decoding, settings: Settings, signal?: AbortSignal): Promise<GenerateOutput> {
  const found = (await beamSearch(decoding, settings, signal)).flat()
  const longest = Math.max(...found.map(({ sequence }) => sequence.length))
  // transformers fills with the end token where the padding token is 0 (`pad_token_id or eos_token_id`), and so do we.
  const filling = settings.padTokenId || (settings.eosTokenIds[0] ?? 0)
  return {
    sequences: found.map(({ sequence }) => [
      ...sequence,
      ...new Array<number>(longest - sequence.length).fill(filling),
    ]),
    logProbs: found.map(({ logProbs }) => logProbs),
    sequencesScores: found.map(({ score }) => score),
  }
}

function settingsOf({ prompt, source }: Decoding, config: GenerationConfig, options: SearchOptions): Settings {
  return resolveSettings(options, config, { promptLength: prompt[0].length, hasSource: source !== undefined })
}
