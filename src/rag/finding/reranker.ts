/**
 * The reranker: a cross-encoder reads question and passage together, as the two halves of one text, and gives one score. That is far dearer
 * than comparing two vectors, and better; so a retriever finds many passages and the reranker picks the best of them.
 * Nogueira and Cho 2019, https://arxiv.org/abs/1901.04085.
 */
import { ConfigError, InputError } from '../../errors.js'
import { checkpoint } from '../../event-loop.js'
import type { FolderLike } from '../../files/folder.js'
import { openPretrained } from '../../hub/index.js'
import {
  AutoModelForSequenceClassification,
  type EncoderForSequenceClassification,
  type FromPretrainedOptions,
} from '../../models/index.js'
import { rowMajor } from '../../tensor/ops/float.js'
import { AutoTokenizer, type Tokenizer } from '../../tokenizer/index.js'
import { passageText, type Passage } from './corpus.js'

export interface RerankOptions {
  /** How many of the best passages to give; all unless told. */
  readonly topK?: number
  /** Passages that are computed together; 32 unless told. */
  readonly batchSize?: number
  readonly signal?: AbortSignal
  /** Called after each batch with the number of passages done and of all. */
  readonly onProgress?: (done: number, total: number) => void
}

/** A passage with the cross-encoder's judgement, which takes the place of a retriever's score. */
export type RankedPassage<P> = P & {
  /** The model's logit; its sigmoid is the relevance as a probability, as far as the model was trained to say so. */
  readonly score: number
}

export class Reranker {
  readonly model: EncoderForSequenceClassification
  readonly tokenizer: Tokenizer

  constructor(model: EncoderForSequenceClassification, tokenizer: Tokenizer) {
    this.model = model
    this.tokenizer = tokenizer
  }

  /**
   * Loads a cross-encoder, such as ms-marco-MiniLM-L6-v2, from its folder or a hub.
   * @throws ConfigError for a classifier with more than one label
   */
  static async fromPretrained(location: FolderLike, options?: FromPretrainedOptions): Promise<Reranker> {
    const folder = await openPretrained(location, options)
    const tokenizer = await AutoTokenizer.fromPretrained(folder, options)
    const model = await AutoModelForSequenceClassification.fromPretrained(folder, options)
    const { numLabels } = model.config
    if (numLabels !== 1) {
      model.dispose()
      throw new ConfigError(
        'not-a-reranker',
        `${folder.name}/config.json: a classifier with ${numLabels} labels; a reranker has one, the relevance`,
      )
    }
    return new Reranker(model, tokenizer)
  }

  /** Gives back the model's memory. */
  dispose(): void {
    this.model.dispose()
  }

  /**
   * The passages, best first; equal scores stay in the order given. Of what is longer than the model reads, the longer of question and
   * passage is cut at its end. A score does not depend on the other passages.
   * @throws InputError for an empty question, one that alone is too long, or a wrong option
   */
  async rerank<P extends Pick<Passage, 'text'> & Partial<Passage>>(
    question: string,
    passages: readonly P[],
    options: RerankOptions = {},
  ): Promise<RankedPassage<P>[]> {
    const { topK = passages.length, batchSize = 32, signal, onProgress } = options
    for (const [name, value] of Object.entries({ topK: options.topK ?? 1, batchSize })) {
      if (Number.isSafeInteger(value) && value >= 1) continue
      throw new InputError('bad-option', `rerank: ${name} is ${value}, expected a whole number of 1 or more`)
    }
    if (question.trim() === '') throw new InputError('empty-question', 'the question is empty')
    const { maxLength } = this.model
    this.tokenizer.encode(question, { maxLength }) // throws where there is no room
    const texts = passages.map((passage) => passageText(passage))
    const scores = new Array<number>(texts.length)
    const byLength = texts.map((_, index) => index).sort((a, b) => texts[a].length - texts[b].length)
    for (let start = 0; start < texts.length; start += batchSize) {
      await checkpoint(signal, 'the reranking')
      const batch = byLength.slice(start, start + batchSize)
      const encoded = await this.tokenizer.encodeEach(new Array<string>(batch.length).fill(question), {
        pairs: batch.map((index) => texts[index]),
        maxLength,
        truncate: true,
        signal,
      })
      const logits = rowMajor((await this.model.forward(encoded, { signal })).logits) // [batch, 1]
      batch.forEach((index, row) => (scores[index] = logits[row]))
      onProgress?.(start + batch.length, texts.length)
    }
    return passages
      .map((passage, i) => ({ ...passage, score: scores[i] }))
      .sort((a, b) => b.score - a.score)
      .slice(0, topK)
  }
}
