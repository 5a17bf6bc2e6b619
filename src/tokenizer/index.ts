export { AutoTokenizer } from './auto-tokenizer.js'
export {
  Tokenizer,
  type DecodeOptions,
  type EncodeBatchOptions,
  type EncodeOptions,
  type Encoding,
  type EncodingBatch,
} from './tokenizer.js'
