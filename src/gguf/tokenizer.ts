/**
 * A tokenizer from a GGUF's metadata, as the tokenizer.json and tokenizer_config.json that Hugging Face has for it. Three kinds of
 * `tokenizer.ggml.model` are known: `gpt2`, byte-level BPE with merges in their order; `llama`, SentencePiece's BPE, where the merge goes
 * first whose result has the higher score; `bert`, WordPiece.
 */
import type { Json, JsonObject } from '../files/json.js'
import { GgufTokenizerError, quoted } from './errors.js'
import { metadataFields, numbersOf, textsOf } from './fields.js'
import type { GgufMetadata } from './metadata.js'
import { PRE_TOKENIZERS } from './tokenizer-parts.js'

type JsonFields = { readonly [key: string]: Json }

/** Kinds of tokens, as SentencePiece numbers them. */
const CONTROL = 3
const USER_DEFINED = 4

/** SentencePiece's space. */
const SPACE = '\u2581'

/** What the metadata says of the vocabulary. */
interface Vocabulary {
  readonly metadata: GgufMetadata
  readonly fields: JsonObject
  readonly tokens: readonly string[]
  /** Kind of each token; all normal where it is left out. */
  readonly kinds: ArrayLike<number> | undefined
}

/** @throws GgufTokenizerError for a tokenizer of another kind, or lists that do not fit */
export function tokenizerJson(metadata: GgufMetadata, where: string): JsonFields {
  const vocabulary = readVocabulary(metadata, where)
  const kind = vocabulary.fields.string('tokenizer.ggml.model')
  const make = KINDS.get(kind)
  if (make) return { version: '1.0', truncation: null, padding: null, ...make(vocabulary) }
  const known = [...KINDS.keys()].join(', ')
  throw new GgufTokenizerError(where, `tokenizer.ggml.model is ${quoted(kind)}; supported are ${known}`)
}

const KINDS: ReadonlyMap<string, (vocabulary: Vocabulary) => JsonFields> = /* @__PURE__ */ new Map([
  ['gpt2', byteLevelBpe],
  ['llama', sentencePiece],
  ['bert', wordPiece],
])

/** Special tokens by name, and the chat templates. */
export function tokenizerConfig(metadata: GgufMetadata, where: string): JsonFields {
  const { fields, tokens } = readVocabulary(metadata, where)
  const special = Object.entries(SPECIAL_KEYS).flatMap(([name, key]): [string, Json][] => {
    const id = specialId(fields, key, tokens.length)
    return id === undefined ? [] : [[name, tokens[id]]]
  })
  const named = fields.keys().filter((key) => key.startsWith(`${CHAT_TEMPLATE}.`))
  const templates = [
    ...(fields.has(CHAT_TEMPLATE) ? [{ name: 'default', template: fields.string(CHAT_TEMPLATE) }] : []),
    ...named.map((key) => ({ name: key.slice(CHAT_TEMPLATE.length + 1), template: fields.string(key) })),
  ]
  return { ...Object.fromEntries(special), ...(templates.length > 0 ? { chat_template: templates } : {}) }
}

const CHAT_TEMPLATE = 'tokenizer.chat_template'

const SPECIAL_KEYS = {
  bos_token: 'bos',
  eos_token: 'eos',
  unk_token: 'unknown',
  sep_token: 'seperator', // the format's own spelling
  pad_token: 'padding',
  cls_token: 'cls',
  mask_token: 'mask',
}

/** Tokens that end a turn or a text in the families that are read; a file names one of them, and a model may write any. */
const ENDS: ReadonlySet<string> = new Set(['<|im_end|>', '<|endoftext|>', '<|eot_id|>', '<|eom_id|>', '<end_of_turn>'])

/** The token ids that a config.json and a generation_config.json name. */
export function tokenIds(metadata: GgufMetadata, where: string): JsonFields {
  const { fields, tokens, kinds } = readVocabulary(metadata, where)
  const id = (key: string) => specialId(fields, key, tokens.length)
  const ends = ['eos', 'eot', 'eom'].map(id).filter((end) => end !== undefined)
  tokens.forEach((token, i) => {
    if (kinds?.[i] === CONTROL && ENDS.has(token)) ends.push(i)
  })
  const [bos, padding] = [id('bos'), id('padding')]
  return {
    ...(bos === undefined ? {} : { bos_token_id: bos }),
    ...(padding === undefined ? {} : { pad_token_id: padding }),
    eos_token_id: [...new Set(ends)],
  }
}

function readVocabulary(metadata: GgufMetadata, where: string): Vocabulary {
  const tokens = textsOf(metadata, 'tokenizer.ggml.tokens')
  if (!tokens)
    throw new GgufTokenizerError(where, 'there is no list "tokenizer.ggml.tokens"; the file has no tokenizer')
  const kinds = numbersOf(metadata, 'tokenizer.ggml.token_type')
  requireLength(kinds, tokens, 'token_type', where)
  return { metadata, fields: metadataFields(metadata, where), tokens, kinds }
}

function requireLength(
  list: ArrayLike<number> | undefined,
  tokens: readonly string[],
  name: string,
  where: string,
): void {
  if (list === undefined || list.length === tokens.length) return
  throw new GgufTokenizerError(where, `"tokenizer.ggml.${name}" has ${list.length} entries for ${tokens.length} tokens`)
}

/** Some files name a special token that they do not have by the largest number. */
function specialId(fields: JsonObject, key: string, tokens: number): number | undefined {
  const name = `tokenizer.ggml.${key}_token_id`
  if (!fields.has(name)) return undefined
  const id = fields.integer(name, { min: 0 })
  if (id === 0xffffffff) return undefined
  if (id < tokens) return id
  throw new GgufTokenizerError(fields.where, `"${name}" is ${id}, there are ${tokens} tokens`)
}

function byteLevelBpe({ metadata, fields, tokens, kinds }: Vocabulary): JsonFields {
  const name = fields.string('tokenizer.ggml.pre', 'default')
  const pre = PRE_TOKENIZERS.get(name)
  if (!pre) {
    const known = [...PRE_TOKENIZERS.keys()].join(', ')
    throw new GgufTokenizerError(fields.where, `tokenizer.ggml.pre is ${quoted(name)}; supported are ${known}`)
  }
  const merges = textsOf(metadata, 'tokenizer.ggml.merges')
  if (!merges) throw new GgufTokenizerError(fields.where, 'there is no list "tokenizer.ggml.merges"')
  return {
    added_tokens: addedTokens(tokens, kinds),
    normalizer: pre.normalizer,
    pre_tokenizer: pre.preTokenizer,
    post_processor: beginAndEnd(fields, tokens, pre.addBos ?? false),
    decoder: { type: 'ByteLevel' },
    model: bpeModel(tokens, merges, { ignore_merges: pre.ignoreMerges ?? false }),
  }
}

function sentencePiece({ metadata, fields, tokens, kinds }: Vocabulary): JsonFields {
  const scores = numbersOf(metadata, 'tokenizer.ggml.scores')
  if (!scores) throw new GgufTokenizerError(fields.where, 'there is no list "tokenizer.ggml.scores"')
  requireLength(scores, tokens, 'scores', fields.where)
  const addSpace = fields.boolean('tokenizer.ggml.add_space_prefix', true)
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: SPACE }
  const restore = { type: 'Replace', pattern: { String: SPACE }, content: ' ' }
  const bytes = [restore, { type: 'ByteFallback' }, { type: 'Fuse' }]
  const unknown = specialId(fields, 'unknown', tokens.length)
  return {
    added_tokens: addedTokens(tokens, kinds),
    normalizer: addSpace ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, replace] } : replace,
    pre_tokenizer: null,
    post_processor: beginAndEnd(fields, tokens, true),
    decoder: {
      type: 'Sequence',
      decoders: addSpace ? [...bytes, { type: 'Strip', content: ' ', start: 1, stop: 0 }] : bytes,
    },
    model: bpeModel(tokens, mergesOf(tokens, scores), {
      byte_fallback: true,
      fuse_unk: true,
      unk_token: unknown === undefined ? null : tokens[unknown],
    }),
  }
}

/** Every pair of tokens that makes a token, in the order in which SentencePiece merges: the higher score of the result first. */
function mergesOf(tokens: readonly string[], scores: ArrayLike<number>): Json[] {
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const merges: { readonly pair: readonly [string, string]; readonly score: number }[] = []
  tokens.forEach((token, id) => {
    for (let cut = 1; cut < token.length; cut++) {
      const [left, right] = [token.slice(0, cut), token.slice(cut)]
      if (ids.has(left) && ids.has(right)) merges.push({ pair: [left, right], score: scores[id] })
    }
  })
  return merges.sort((a, b) => b.score - a.score).map(({ pair }) => pair)
}

function bpeModel(tokens: readonly string[], merges: readonly Json[], settings: JsonFields): JsonFields {
  return { type: 'BPE', ...settings, vocab: idsOf(tokens), merges }
}

function idsOf(tokens: readonly string[]): JsonFields {
  return Object.fromEntries(tokens.map((token, id) => [token, id]))
}

/** The converter writes words with a space before them, and pieces that go on in a word without the `##` that BERT's file has. */
function wordPiece({ fields, tokens, kinds }: Vocabulary): JsonFields {
  const isSpecial = (token: string, id: number) => kinds?.[id] === CONTROL || /^\[.*\]$/.test(token)
  const spelled = tokens.map((token, id) => {
    if (isSpecial(token, id)) return token
    return token.startsWith(SPACE) ? token.slice(1) : `##${token}`
  })
  const special = spelled.flatMap((content, id) => (isSpecial(tokens[id], id) ? [addedToken(content, id, true)] : []))
  const id = (key: string, fallback: string) => specialId(fields, key, tokens.length) ?? tokens.indexOf(fallback)
  const [cls, separator, unknown] = [id('cls', '[CLS]'), id('seperator', '[SEP]'), id('unknown', '[UNK]')]
  if ([cls, separator, unknown].includes(-1)) {
    throw new GgufTokenizerError(fields.where, 'there is no token for the beginning, the end, or an unknown word')
  }
  const token = (id: number) => [spelled[id], id]
  return {
    added_tokens: special,
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: fields.boolean('tokenizer.ggml.normalizer.lowercase', true),
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: token(separator), cls: token(cls) },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: spelled[unknown],
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: idsOf(spelled),
    },
  }
}

/** Tokens that are found in a text before it is cut: those of control, which are left out of what is shown, and those a model's maker defined. */
function addedTokens(tokens: readonly string[], kinds: ArrayLike<number> | undefined): Json[] {
  return tokens.flatMap((token, id) => {
    const kind = kinds?.[id]
    return kind === CONTROL || kind === USER_DEFINED ? [addedToken(token, id, kind === CONTROL)] : []
  })
}

function addedToken(content: string, id: number, special: boolean): Json {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }
}

/** The begin and end tokens around a text, where the file asks for them. */
function beginAndEnd(fields: JsonObject, tokens: readonly string[], addBos: boolean): Json {
  const piece = (key: 'bos' | 'eos', fallback: boolean): string[] => {
    if (!fields.boolean(`tokenizer.ggml.add_${key}_token`, fallback)) return []
    const id = specialId(fields, key, tokens.length)
    return id === undefined ? [] : [tokens[id]]
  }
  const [begin, end] = [piece('bos', addBos), piece('eos', false)]
  if (begin.length + end.length === 0) return null
  const special = (type_id: number) => (id: string) => ({ SpecialToken: { id, type_id } })
  const around = (id: string, type_id: number): Json[] => [
    ...begin.map(special(type_id)),
    { Sequence: { id, type_id } },
    ...end.map(special(type_id)),
  ]
  const ids = new Map([...begin, ...end].map((token) => [token, tokens.indexOf(token)]))
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(
      [...ids].map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]),
    ),
  }
}
