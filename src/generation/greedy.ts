/**
 * Greedy search: at every step, each row of the batch takes its most probable next token, until all rows have ended. It knows a
 * model only as a function from the last tokens to the logits of the next ones.
 */
import { InputError } from '../errors.js'
import { checkpoint } from '../event-loop.js'
import type { Float } from '../tensor/ops/index.js'
import { logSumExpRow } from '../tensor/ops/index.js'
import { rowMajor } from '../tensor/ops/float.js'
import { lengthLimits, type GenerateOptions, type GenerationConfig } from './generation-config.js'

/** The logits [batch, vocabulary] that follow these tokens, one a row; the model keeps what came before. */
export type NextLogits = (tokens: readonly number[]) => Promise<Float>

/** One step: a token for each row. Rows that have ended get the padding token, with log-probability 0. */
export interface GenerationStep {
  readonly tokens: readonly number[]
  /** ln p(token | what came before), in nats. */
  readonly logProbs: readonly number[]
}

export interface GenerateOutput {
  /** Token ids with the start token, padded to the longest row. [batch][length] */
  readonly sequences: readonly (readonly number[])[]
  /** Log-probability of each token after the start token. [batch][length - 1] */
  readonly logProbs: readonly (readonly number[])[]
}

/** Yields each step as it is decided. @throws AbortedError when the signal fires between steps */
export async function* greedySearch(
  nextLogits: NextLogits,
  batch: number,
  config: GenerationConfig,
  options: GenerateOptions & { readonly signal?: AbortSignal } = {},
): AsyncGenerator<GenerationStep, void, void> {
  if (config.unsupported.length > 0) {
    throw new InputError(
      'unsupported-generation',
      `generation_config.json asks for ${config.unsupported.join(', ')}, which this version cannot do`,
    )
  }
  const { min, max } = lengthLimits(options, config)
  const ended = new Array<boolean>(batch).fill(false)
  let tokens: readonly number[] = new Array<number>(batch).fill(config.decoderStartTokenId)
  for (let step = 0; step < max && ended.includes(false); step++) {
    await checkpoint(options.signal, 'the generation')
    const logits = await nextLogits(tokens) // [batch, vocabulary]
    const data = rowMajor(logits)
    const width = logits.shape[1]
    const logProbs: number[] = []
    tokens = ended.map((done, row) => {
      if (done) {
        logProbs.push(0)
        return config.padTokenId
      }
      const scores = data.slice(row * width, (row + 1) * width)
      if (step < min) for (const eos of config.eosTokenIds) scores[eos] = -Infinity
      const best = argmax(scores)
      logProbs.push(scores[best] - logSumExpRow(scores))
      ended[row] = config.eosTokenIds.includes(best)
      return best
    })
    yield { tokens, logProbs }
  }
}

/** All steps together. */
export async function collect(
  steps: AsyncIterable<GenerationStep>,
  batch: number,
  config: GenerationConfig,
): Promise<GenerateOutput> {
  const sequences = Array.from({ length: batch }, () => [config.decoderStartTokenId])
  const logProbs = Array.from({ length: batch }, (): number[] => [])
  for await (const step of steps) {
    step.tokens.forEach((token, row) => sequences[row].push(token))
    step.logProbs.forEach((logProb, row) => logProbs[row].push(logProb))
  }
  return { sequences, logProbs }
}

/** Index of the largest number; the first of equal ones. */
function argmax(row: Float32Array): number {
  let best = 0
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i
  return best
}
