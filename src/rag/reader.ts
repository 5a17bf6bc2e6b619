/**
 * The reader: a T5 that answers a question from one passage. All passages of a question form a batch: they are read once, each
 * writes its own answer, and any text can be scored under each of them.
 */
import type { FolderLike } from '../files/folder.js'
import { generate } from '../generation/index.js'
import { T5ForConditionalGeneration, type FromPretrainedOptions, type Seq2SeqEncoded } from '../models/index.js'
import { logSoftmax } from '../tensor/ops/index.js'
import { rowMajor } from '../tensor/ops/float.js'
import { AutoTokenizer, type Tokenizer } from '../tokenizer/index.js'
import { mixture } from './rag-token.js'

/** What the reader says when the passage does not hold the answer. */
export const ABSTENTION = "I don't know."

/** A passage as the reader takes it. */
export interface ReadablePassage {
  readonly title: string
  readonly text: string
}

/** `title / text // question`, or `text // question` where there is no title: what the reader was trained on. */
export function readerInput({ title, text }: ReadablePassage, question: string): string {
  return `${title === '' ? '' : `${title} / `}${text} // ${question}`
}

export interface ReaderOptions {
  /** Most tokens of an answer. */
  readonly maxNewTokens: number
  readonly signal?: AbortSignal
}

export class Reader {
  readonly model: T5ForConditionalGeneration
  readonly tokenizer: Tokenizer

  constructor(model: T5ForConditionalGeneration, tokenizer: Tokenizer) {
    this.model = model
    this.tokenizer = tokenizer
  }

  static async fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Reader> {
    const tokenizer = await AutoTokenizer.fromPretrained(location, options)
    return new Reader(await T5ForConditionalGeneration.fromPretrained(location, options), tokenizer)
  }

  /** Gives back the model's memory. */
  dispose(): void {
    this.model.dispose()
  }

  /** Reads the question with each passage. */
  async read(question: string, passages: readonly ReadablePassage[], signal?: AbortSignal): Promise<Reading> {
    const { inputIds, attentionMask } = this.tokenizer.encodeBatch(
      passages.map((passage) => readerInput(passage, question)),
    )
    const encoded = await this.model.encode({ inputIds, attentionMask }, { signal })
    return new Reading(
      this,
      encoded,
      inputIds.map((row, i) => row.slice(0, attentionMask[i].filter((bit) => bit === 1).length)),
    )
  }
}

/** A question read with some passages. */
export class Reading {
  readonly #reader: Reader
  readonly #encoded: Seq2SeqEncoded
  /** What was read for each passage, without padding. */
  readonly inputIds: readonly (readonly number[])[]

  constructor(reader: Reader, encoded: Seq2SeqEncoded, inputIds: readonly (readonly number[])[]) {
    this.#reader = reader
    this.#encoded = encoded
    this.inputIds = inputIds
  }

  /** Each passage's own answer, by greedy search: ids with the end token, and text. */
  async answers({ maxNewTokens, signal }: ReaderOptions): Promise<{ ids: number[]; text: string }[]> {
    const { model, tokenizer } = this.#reader
    const { sequences } = await model.generateFrom(this.#encoded, { maxNewTokens, signal })
    const { padTokenId } = model.generationConfig
    return sequences.map((sequence) => {
      const ids = sequence.slice(1).filter((id) => id !== padTokenId)
      return { ids, text: tokenizer.decode(ids) }
    })
  }

  /** ln p(token|passage, tokens before) of a text's tokens and its end, under each passage: [passage][token]. */
  async score(ids: readonly number[], signal?: AbortSignal): Promise<number[][]> {
    const { model } = this.#reader
    const passages = this.inputIds.length
    const shifted = [model.generationConfig.decoderStartTokenId, ...ids.slice(0, -1)]
    const logits = await model.decode(this.#encoded, new Array<number[]>(passages).fill(shifted), { signal }) // [passages, tokens, vocabulary]
    const logProbs = rowMajor(logSoftmax(logits))
    const vocabulary = logits.shape[2]
    return Array.from({ length: passages }, (_, z) =>
      ids.map((id, t) => logProbs[(z * ids.length + t) * vocabulary + id]),
    )
  }

  /** One answer from all passages by RAG-Token: at each step the passages' distributions are mixed, and the most probable token is taken. */
  async answerByToken(logWeights: readonly number[], { maxNewTokens, signal }: ReaderOptions): Promise<number[]> {
    const { model } = this.#reader
    const { decoder, prompt } = model.startDecodingFrom(this.#encoded, { capacity: maxNewTokens, signal })
    const decoding = { decoder: mixture(decoder, [logWeights]), prompt: prompt.slice(0, 1) }
    try {
      const { sequences } = await generate(decoding, model.generationConfig, { maxNewTokens, signal })
      return sequences[0].slice(1)
    } finally {
      decoder.dispose()
    }
  }
}
