/**
 * config.json of a RAG in Hugging Face's layout, in camelCase: its own settings and, inside, the configs of its two models.
 */
import { ConfigError } from '../../errors.js'
import type { JsonObject } from '../../files/json.js'

export interface RagConfig {
  /** Passages for each question. */
  readonly nDocs: number
  /** Stands between a passage's title and text. */
  readonly titleSep: string
  /** Stands between a passage and the question. */
  readonly docSep: string
  /** What the generator's input begins with, as some T5 want it. */
  readonly prefix: string
  /** Most tokens of passage and question together. */
  readonly maxCombinedLength: number
  /** Size of the vectors in the index. */
  readonly retrievalVectorSize: number
  /** RAG-Sequence: score equal candidates once. */
  readonly doDeduplication: boolean
  /** RAG-Token: give logits that are mixed over the passages. */
  readonly doMarginalize: boolean
  /** RAG-Sequence: leave the first token out of the loss where it is always the same. */
  readonly excludeBosScore: boolean
  /** Give the sum of the losses. */
  readonly reduceLoss: boolean
  /** Epsilon of label smoothing. */
  readonly labelSmoothing: number
  /** The generator's padding token, which no loss counts. */
  readonly padTokenId: number
  readonly bosTokenId: number | undefined
}

/** @throws ConfigError for a missing or unsupported field */
export function ragConfig(json: JsonObject): RagConfig {
  if (json.string('model_type') !== 'rag') {
    throw new ConfigError('wrong-family', `${json.where}: model_type is "${json.string('model_type')}", not "rag"`)
  }
  const generator = json.object('generator')
  // As transformers: 0 of the RAG itself is no answer, and the generator is asked.
  const bos = [json, generator].find((one) => one.has('bos_token_id') && one.get('bos_token_id') !== 0) ?? generator
  return {
    nDocs: json.integer('n_docs', { fallback: 5 }),
    titleSep: json.string('title_sep', ' / '),
    docSep: json.string('doc_sep', ' // '),
    prefix: generator.string('prefix', ''),
    maxCombinedLength: json.integer('max_combined_length', { fallback: 300 }),
    retrievalVectorSize: json.integer('retrieval_vector_size', { fallback: 768 }),
    doDeduplication: json.boolean('do_deduplication', true),
    doMarginalize: json.boolean('do_marginalize', false),
    excludeBosScore: json.boolean('exclude_bos_score', false),
    reduceLoss: json.boolean('reduce_loss', false),
    labelSmoothing: json.number('label_smoothing', 0),
    padTokenId: generator.integer('pad_token_id', { min: 0, fallback: 0 }),
    bosTokenId: bos.has('bos_token_id') ? bos.integer('bos_token_id', { min: 0 }) : undefined,
  }
}
