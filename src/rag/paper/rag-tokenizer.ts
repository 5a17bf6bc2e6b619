/**
 * RagTokenizer: the question encoder's tokenizer for what goes in, the generator's for what comes out. As in Python, it is
 * called with the texts themselves.
 */
import { subfolder, type FolderLike } from '../../files/folder.js'
import { openPretrained, type HubOptions } from '../../hub/index.js'
import {
  AutoTokenizer,
  type DecodeOptions,
  type EncodeBatchOptions,
  type EncodingBatch,
  type Tokenizer,
} from '../../tokenizer/index.js'

/** Rows of ids, or the output of a generation. */
export type Decodable = readonly (readonly number[])[] | { readonly sequences: readonly (readonly number[])[] }

export interface RagTokenizer {
  /** Encodes questions and fills the rows up to the longest. */
  (questions: string | readonly string[], options?: EncodeBatchOptions): EncodingBatch
  readonly questionEncoder: Tokenizer
  readonly generator: Tokenizer
  /** Answers to text, one for each row. Special tokens stay unless told, as in transformers. */
  batchDecode(answers: Decodable, options?: DecodeOptions): string[]
  /** One answer to text. */
  decode(ids: readonly number[], options?: DecodeOptions): string
}

/** A RagTokenizer of two tokenizers. */
export function ragTokenizer(questionEncoder: Tokenizer, generator: Tokenizer): RagTokenizer {
  const encode = (questions: string | readonly string[], options?: EncodeBatchOptions) =>
    questionEncoder.encodeBatch(typeof questions === 'string' ? [questions] : questions, options)
  const decode = (ids: readonly number[], { skipSpecialTokens = false }: DecodeOptions = {}) =>
    generator.decode(ids, { skipSpecialTokens })
  const batchDecode = (answers: Decodable, options?: DecodeOptions) =>
    ('sequences' in answers ? answers.sequences : answers).map((ids) => decode(ids, options))
  return Object.assign(encode, { questionEncoder, generator, decode, batchDecode })
}

export const RagTokenizer = {
  /** Loads `question_encoder_tokenizer/` and `generator_tokenizer/` of a RAG folder. See {@link AutoTokenizer} for the errors. */
  async fromPretrained(location: FolderLike, options?: HubOptions): Promise<RagTokenizer> {
    const folder = await openPretrained(location, options)
    const questionEncoder = await AutoTokenizer.fromPretrained(subfolder(folder, 'question_encoder_tokenizer'))
    const generator = await AutoTokenizer.fromPretrained(subfolder(folder, 'generator_tokenizer'))
    return ragTokenizer(questionEncoder, generator)
  },
}
