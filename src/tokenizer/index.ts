export { AutoTokenizer } from './auto-tokenizer.js'
export type { ChatMessage, ChatTemplateOptions } from './chat-template.js'
export type { TextSpan } from './offsets.js'
export {
  Tokenizer,
  type ChatEncoding,
  type DecodeOptions,
  type EncodeBatchOptions,
  type EncodeOptions,
  type Encoding,
  type EncodingBatch,
} from './tokenizer.js'
