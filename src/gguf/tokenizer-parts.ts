/**
 * How llama.cpp's named pre-tokenizers cut a text before its pieces are merged, as the fields that a tokenizer.json has for that. The names
 * are values of `tokenizer.ggml.pre`; each stands for the tokenizer.json of the models that it is named after.
 */
import type { Json } from '../files/json.js'

export interface PreTokenizer {
  readonly normalizer: Json
  readonly preTokenizer: Json
  /** Whether a piece that is a token is taken as it is, without merging. */
  readonly ignoreMerges?: boolean
  /** Whether the begin token is added where the file does not say. */
  readonly addBos?: boolean
}

/** GPT-2's own expression is that of ByteLevel. */
const BYTE_LEVEL: Json = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const BYTES_ONLY: Json = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }

const sequence = (...pretokenizers: Json[]): Json => ({ type: 'Sequence', pretokenizers })
const split = (regex: string): Json => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior: 'Isolated',
  invert: false,
})

/** Words with one character before them, digits in groups of at most `digits`, marks, ends of lines, spaces. */
const words = (digits: string): string =>
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
  `\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`

const GPT2: PreTokenizer = { normalizer: null, preTokenizer: BYTE_LEVEL }
const SINGLE_DIGITS: PreTokenizer = {
  normalizer: null,
  preTokenizer: /* @__PURE__ */ sequence({ type: 'Digits', individual_digits: true }, BYTE_LEVEL),
}
const LLAMA3: PreTokenizer = {
  normalizer: null,
  preTokenizer: /* @__PURE__ */ sequence(split(words('{1,3}')), BYTES_ONLY),
  ignoreMerges: true,
  addBos: true,
}
const QWEN2: PreTokenizer = {
  normalizer: { type: 'NFC' },
  preTokenizer: /* @__PURE__ */ sequence(split(words('')), BYTES_ONLY),
}
/** What files have that name none: marks alone, then GPT-2's words, then digits in threes. */
const DEFAULT: PreTokenizer = {
  normalizer: null,
  preTokenizer: /* @__PURE__ */ sequence(
    split('[\\p{P}\\$\\+<=>\\^~\\|]+'),
    split("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"),
    split('\\p{N}+'),
    split('[0-9][0-9][0-9]'),
    BYTES_ONLY,
  ),
}

export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = /* @__PURE__ */ new Map([
  ['default', DEFAULT],
  ['gpt-2', GPT2],
  ['phi-2', GPT2],
  ['olmo', GPT2],
  ['smollm', SINGLE_DIGITS],
  ['starcoder', SINGLE_DIGITS],
  ['refact', SINGLE_DIGITS],
  ['command-r', SINGLE_DIGITS],
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['falcon3', LLAMA3],
  ['qwen2', QWEN2],
  ['deepseek-r1-qwen', QWEN2],
])
