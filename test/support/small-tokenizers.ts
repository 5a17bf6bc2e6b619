/**
 * Tokenizers for the recorded checkpoints, whose vocabularies of 120 or 128 are noise: one in whose texts every id is a word (`w7` is 7), so that
 * recorded ids can be given as texts; and one of bytes, with the special tokens of a chat, so that any prompt can be read and
 * characters of several tokens occur.
 */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { goldenJson, goldenPath } from './goldens.js'

/** The text that {@link wordTokenizer} reads as these ids. */
export function words(ids: readonly number[]): string {
  return ids.map((id) => `w${id}`).join(' ')
}

const BASE = { version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null }

/** No special tokens; the second of two texts is segment 1. */
export const wordTokenizer = {
  ...BASE,
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: null,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
  model: {
    type: 'WordPiece',
    unk_token: 'w0',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(Array.from({ length: 128 }, (_, id) => [`w${id}`, id])),
  },
}

const SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']

/** The character by which byte-level vocabularies spell a byte. */
function spelling(byte: number): string {
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174
  if (printable(byte)) return String.fromCharCode(byte)
  const before = Array.from({ length: byte }, (_, b) => b).filter((b) => !printable(b)).length
  return String.fromCharCode(256 + before)
}

const BYTES = [...new Set(new TextEncoder().encode(`\n${ascii()}é€🙂`))].map(spelling)
const FILLING = Array.from({ length: 120 - SPECIAL.length - BYTES.length }, (_, i) => `\u0120word${i}`)

function ascii(): string {
  return String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 32 + i))
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }

export const byteTokenizer = {
  ...BASE,
  added_tokens: SPECIAL.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: {
    type: 'BPE',
    unk_token: null,
    vocab: Object.fromEntries([...SPECIAL, ...BYTES, ...FILLING].map((token, id) => [token, id])),
    merges: [],
  },
}

/** ChatML, as SmolLM2 and Qwen have it, without a system message. */
export const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

export interface SmallFolder {
  readonly golden: string
  readonly tokenizer: object
  readonly chatTemplate?: string
  /** Fields of config.json that are replaced. */
  readonly config?: Readonly<Record<string, unknown>>
  /** generation_config.json, in the place of the recorded one. */
  readonly generation?: object
}

/** Writes a recorded checkpoint with a tokenizer to disk, as a user has one. */
export function writeSmallFolder(
  path: string,
  { golden, tokenizer, chatTemplate, config, generation }: SmallFolder,
): string {
  mkdirSync(path, { recursive: true })
  for (const file of ['model.safetensors', 'generation_config.json']) {
    if (existsSync(goldenPath(golden, file))) cpSync(goldenPath(golden, file), join(path, file))
  }
  const put = (name: string, content: object) => writeFileSync(join(path, name), JSON.stringify(content))
  put('config.json', { ...goldenJson<object>(golden, 'config.json'), ...config })
  if (generation) put('generation_config.json', generation)
  put('tokenizer.json', tokenizer)
  put('tokenizer_config.json', { chat_template: chatTemplate })
  return path
}
