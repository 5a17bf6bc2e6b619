/**
 * Greedy search: at every step, each row of the batch takes its most probable next token, until all rows have ended.
 */
import { InputError, throwIfAborted } from '../errors.js'
import { logSumExpRow } from '../tensor/ops/index.js'
import { rowMajor } from '../tensor/ops/float.js'
import type { Decoding } from './decoder.js'
import { lengthLimits, type GenerateOptions, type GenerationConfig } from './generation-config.js'

/** One step: a token for each row. Rows that have ended get the padding token, with log-probability 0. */
export interface GenerationStep {
  readonly tokens: readonly number[]
  /** ln p(token | what came before), in nats. */
  readonly logProbs: readonly number[]
}

export interface GenerateOutput {
  /** Token ids with the prompt or start token, padded to the longest row. [batch][length] */
  readonly sequences: readonly (readonly number[])[]
  /** Log-probability of each token after the prompt. [batch][new tokens] */
  readonly logProbs: readonly (readonly number[])[]
}

/** Yields each step as it is decided. @throws AbortedError when the signal fires between steps */
export async function* greedySearch(
  { decoder, prompt }: Decoding,
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
  const ended = prompt.map(() => false)
  let unread = prompt
  for (let step = 0; step < max && ended.includes(false); step++) {
    throwIfAborted(options.signal, 'the generation')
    const logits = await decoder.next(unread) // [batch, vocabulary]
    const data = rowMajor(logits)
    const width = logits.shape[1]
    const logProbs: number[] = []
    const tokens = ended.map((done, row) => {
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
    unread = tokens.map((token) => [token])
  }
}

/** All steps together. */
export async function collect(steps: AsyncIterable<GenerationStep>, { prompt }: Decoding): Promise<GenerateOutput> {
  const sequences = prompt.map((row) => [...row])
  const logProbs = prompt.map((): number[] => [])
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
