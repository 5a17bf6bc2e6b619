/**
 * Greedy search and sampling: at every step, each row takes its most probable next token, or draws one, until all rows have ended.
 */
import { checkpoint } from '../event-loop.js'
import { rowMajor } from '../tensor/ops/float.js'
import { logSumExpRow } from '../tensor/ops/index.js'
import type { Decoding } from './decoder.js'
import type { Settings } from './settings.js'
import { logitsProcessors } from './logits-processors.js'
import { anySeed, draw, randomStream, samplingProcessors } from './sampling.js'
import { stopping } from './stopping.js'

/** One step: a token for each row. Rows that have ended get the padding token, with log-probability 0. */
export interface GenerationStep {
  readonly tokens: readonly number[]
  /** ln p(token | what came before) of the distribution that the token was taken from, in nats. */
  readonly logProbs: readonly number[]
}

/** Yields each step as it is decided. @throws AbortedError when the signal fires between steps */
export async function* generateSteps(
  { decoder, prompt, source }: Decoding,
  settings: Settings,
  signal?: AbortSignal,
): AsyncGenerator<GenerationStep, void, void> {
  const { doSample, numReturnSequences: samples, padTokenId } = settings
  const processors = [...logitsProcessors(settings, source), ...(doSample ? samplingProcessors(settings) : [])]
  const hasEnded = stopping(settings)
  const seed = settings.seed ?? anySeed()
  const rows = prompt.flatMap((tokens, input) =>
    Array.from({ length: samples }, (_, i) => ({
      input,
      sequence: [...tokens],
      random: randomStream(seed, input * samples + i),
      ended: false,
    })),
  )
  let unread = prompt
  for (let step = 0; rows.some(({ ended }) => !ended); step++) {
    await checkpoint(signal, 'the generation')
    const logits = await decoder.next(unread) // [rows, vocabulary], at first one for each input
    const data = rowMajor(logits)
    const width = logits.shape[1]
    const logProbs: number[] = []
    const tokens = rows.map((row, index) => {
      if (row.ended) {
        logProbs.push(0)
        return padTokenId
      }
      const at = step === 0 ? row.input : index
      const scores = data.slice(at * width, (at + 1) * width)
      for (const process of processors) process(scores, row.sequence, row.input)
      const token = doSample ? draw(scores, row.random) : argmax(scores)
      logProbs.push(scores[token] - logSumExpRow(scores))
      row.sequence.push(token)
      row.ended = hasEnded(row.sequence)
      return token
    })
    yield { tokens, logProbs }
    if (step === 0 && samples > 1) decoder.reorder(rows.map(({ input }) => input))
    unread = tokens.map((token) => [token])
  }
}

/** Index of the largest number; the first of equal ones. */
function argmax(row: Float32Array): number {
  let best = 0
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i
  return best
}
