/**
 * A question read with some passages: the encoder has been over them, and from there each passage answers, or says how probable a text is.
 */
import { generate, TextStreamer } from '../../generation/index.js'
import type { StepOptions } from '../../models/generative.js'
import type { Seq2SeqEncoded, Seq2SeqLM } from '../../models/index.js'
import { rowMajor } from '../../tensor/ops/float.js'
import { logSoftmax } from '../../tensor/ops/index.js'
import type { Float } from '../../tensor/ops/index.js'
import type { Tokenizer } from '../../tokenizer/index.js'
import { mixture } from '../paper/rag-token.js'
import { ABSTENTION } from './answer.js'
import type { GroundedWords } from './grounded-words.js'

/** What has read: of a reader, the model and its tokenizer. */
export interface ReadingParts {
  readonly model: Seq2SeqLM
  readonly tokenizer: Tokenizer
}

export interface ReaderOptions extends StepOptions {
  /** Most tokens of an answer. */
  readonly maxNewTokens: number
}

/** What {@link Reading.answers} takes. */
export interface AnswersOptions extends ReaderOptions {
  /**
   * Called with each piece of what the first passage answers, as it is written; pieces never split a character. The answer of all passages
   * is known only when each has given its own, and may be another one.
   */
  readonly onText?: (piece: string) => void
  /** Holds what is written to words that were read; nothing unless told. */
  readonly words?: GroundedWords
  /** With `words`: a passage may answer that it does not hold the answer. True unless told. */
  readonly mayAbstain?: boolean
}

/** A question read with some passages. */
export class Reading {
  readonly #reader: ReadingParts
  readonly #encoded: Seq2SeqEncoded
  /** What was read for each passage, without padding. */
  readonly inputIds: readonly (readonly number[])[]
  /** How many characters of each passage were read, where it is longer than the reader takes. */
  readonly readTo: readonly (number | undefined)[]

  constructor(
    reader: ReadingParts,
    encoded: Seq2SeqEncoded,
    inputIds: readonly (readonly number[])[],
    readTo: readonly (number | undefined)[] = [],
  ) {
    this.readTo = readTo
    this.#reader = reader
    this.#encoded = encoded
    this.inputIds = inputIds
  }

  /** Each passage's own answer, by greedy search: ids with the end token, and text. */
  async answers({
    onText,
    words,
    mayAbstain = true,
    ...options
  }: AnswersOptions): Promise<{ ids: number[]; text: string }[]> {
    const { model, tokenizer } = this.#reader
    const { padTokenId, eosTokenIds } = model.generationConfig
    const logitsProcessors = words && [words.processor(this.inputIds, eosTokenIds, mayAbstain ? [ABSTENTION] : [])]
    const rows = this.inputIds.map((): number[] => [])
    const streamer = new TextStreamer(tokenizer)
    const give = (piece: string) => piece !== '' && onText?.(piece)
    for await (const { tokens } of model.streamFrom(this.#encoded, { ...options, logitsProcessors })) {
      tokens.forEach((id, z) => id !== padTokenId && rows[z].push(id))
      if (onText && tokens[0] !== padTokenId) give(streamer.put(tokens[0]))
    }
    give(streamer.end())
    return rows.map((ids) => ({ ids, text: tokenizer.decode(ids) }))
  }

  /** ln p(token|passage, tokens before) of a text's tokens and its end, under each passage: [passage][token]. */
  async score(ids: readonly number[], options?: StepOptions): Promise<number[][]> {
    const logProbs = await this.logProbs(ids, options)
    const [passages, , vocabulary] = logProbs.shape
    const values = rowMajor(logProbs)
    return Array.from({ length: passages }, (_, z) =>
      ids.map((id, t) => values[(z * ids.length + t) * vocabulary + id]),
    )
  }

  /** The whole distributions behind {@link score}: ln p(any token|passage, tokens before), [passages, tokens, vocabulary]. */
  async logProbs(ids: readonly number[], options?: StepOptions): Promise<Float> {
    const { model } = this.#reader
    const shifted = [model.generationConfig.decoderStartTokenId, ...ids.slice(0, -1)]
    const rows = new Array<number[]>(this.inputIds.length).fill(shifted)
    return logSoftmax(await model.decode(this.#encoded, rows, options))
  }

  /** One answer from all passages by RAG-Token: at each step the passages' distributions are mixed, and the most probable token is taken. */
  async answerByToken(
    logWeights: readonly number[],
    { maxNewTokens, hooks, signal }: ReaderOptions,
  ): Promise<number[]> {
    const { model } = this.#reader
    const { decoder, prompt } = model.startDecodingFrom(this.#encoded, { capacity: maxNewTokens, hooks, signal })
    const decoding = { decoder: mixture(decoder, [logWeights]), prompt: prompt.slice(0, 1) }
    try {
      const { sequences } = await generate(decoding, model.generationConfig, { maxNewTokens, signal })
      return sequences[0].slice(1)
    } finally {
      decoder.dispose()
    }
  }
}
