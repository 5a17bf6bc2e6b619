/**
 * Text to token ids and back. The splitting and merging is done by @huggingface/tokenizers from the model's own tokenizer.json; this
 * class adds special tokens, truncation and padding, which the caller decides: what tokenizer.json says of the last two is
 * ignored (MiniLM's file would cut every text at 128 tokens and fill it up to 128).
 * Known differences from the original tokenizers are listed in DIFFERENCES.md.
 */
import { Tokenizer as Library } from '@huggingface/tokenizers'
import { ConfigError, InputError } from '../errors.js'
import { checkpoint } from '../event-loop.js'
import { JsonObject, type Json } from '../files/json.js'
import { ChatTemplates, type ChatMessage, type ChatTemplateOptions } from './chat-template.js'
import { placeByWords, placeTokens, type TextSpan } from './offsets.js'
import { checkSteps } from './steps.js'
import { parseTemplates, PLAIN, type Templates } from './template.js'

export interface EncodeOptions {
  /** A second text, as in question and passage. */
  readonly pair?: string
  /** Whether to add the model's special tokens, such as [CLS] and [SEP]; true unless told. */
  readonly addSpecialTokens?: boolean
  /**
   * Most tokens, special ones included. No more than 100 characters are looked at for each of them, since a tokenizer may make one token of a word of
   * any length, or none of spaces.
   */
  readonly maxLength?: number
  /** What to do with more: cut the longer text first, or (the default) throw. */
  readonly truncate?: boolean
}

export interface EncodeBatchOptions extends Omit<EncodeOptions, 'pair'> {
  /** A second text for each of the texts. */
  readonly pairs?: readonly string[]
  /** Where shorter rows are filled up: `right`, unless told, or `left`, for prompts that a decoder-only model goes on from. */
  readonly paddingSide?: 'left' | 'right'
}

export interface Encoding {
  readonly ids: number[]
  /** The vocabulary's spelling of each id, such as `##ing` or `▁the`; where an id is the unknown token, the text it stands for. */
  readonly tokens: string[]
  /** 0 for the first text and 1 for the second, where the model tells them apart. */
  readonly typeIds: number[]
}

/** A conversation as a model reads it. */
export interface ChatEncoding extends Encoding {
  /** What the template made of the messages; its tokens are all there is, special ones included. */
  readonly text: string
}

interface Token {
  readonly id: number
  readonly token: string
}

/** Characters that are read for each token of a limit, at first and at most. A token of a usual text has four or five. */
const FIRST_CHARACTERS = 16
const MOST_CHARACTERS = 100
/** Characters that are always read. */
const FEW = 4096

const SPACE = /\s/

/** Rows of equal length, as models take them. [batch][seq] */
export interface EncodingBatch {
  readonly inputIds: number[][]
  /** 1 for tokens, 0 for padding. */
  readonly attentionMask: number[][]
  readonly tokenTypeIds: number[][]
}

export interface DecodeOptions {
  /** Leave out special tokens; true unless told. */
  readonly skipSpecialTokens?: boolean
}

export class Tokenizer {
  readonly #library: Library
  readonly #templates: Templates
  readonly #specialIds: ReadonlySet<number>
  readonly #chat: ChatTemplates
  readonly #byteLevel: boolean
  /** What WordPiece writes before a token that goes on in a word: `##`; '' for other tokenizers. */
  readonly #continuing: string
  /** WordPiece's token for a word that it cannot spell; undefined for other tokenizers. */
  readonly #unknown: string | undefined
  /** The id that fills rows up; 0 where the tokenizer names none. */
  readonly padTokenId: number

  /**
   * @param chatTemplate content of chat_template.jinja
   * @throws ConfigError when tokenizer.json is not one that the library can read
   */
  constructor(tokenizerJson: JsonObject, tokenizerConfig?: JsonObject, chatTemplate?: string) {
    this.#templates = parseTemplates(tokenizerJson.get('post_processor'), tokenizerJson.where)
    this.#library = construct(tokenizerJson)
    this.#specialIds = specialIds(tokenizerJson)
    this.padTokenId = padTokenId(this.#library, tokenizerJson, tokenizerConfig)
    this.#chat = new ChatTemplates(tokenizerConfig, chatTemplate)
    const model = tokenizerJson.object('model')
    const isWordPiece = model.get('type') === 'WordPiece'
    this.#continuing = isWordPiece ? model.string('continuing_subword_prefix', '##') : ''
    this.#unknown = isWordPiece ? model.string('unk_token', '[UNK]') : undefined
    this.#byteLevel = JSON.stringify(tokenizerJson.get('decoder') ?? null).includes('"ByteLevel"') // alone or in a sequence
  }

  /** Number of ids, added tokens included. */
  get vocabSize(): number {
    return this.#library.get_vocab(true).size
  }

  /**
   * @throws InputError when there are more tokens than maxLength and `truncate` is not set, or more than the library can hold; ConfigError
   * where tokenizer.json fails at the text
   */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    const { pair, addSpecialTokens = true, maxLength, truncate = false } = options
    const texts = (pair === undefined ? [text] : [text, pair]).map((one) =>
      this.#tokenizeWithin(one, maxLength, truncate),
    )
    const { single, pair: double } = addSpecialTokens ? this.#templates : PLAIN
    const template = pair === undefined ? single : double
    const specials = template.filter(({ kind }) => kind === 'special').length
    const length = texts.reduce((sum, tokens) => sum + tokens.length, specials)
    if (maxLength !== undefined && length > maxLength) {
      if (!truncate) {
        const least = [text, pair ?? ''].some((one) => one.length > charactersFor(maxLength)) ? 'at least ' : ''
        throw new InputError(
          'too-long',
          `the text has ${least}${length} tokens, at most ${maxLength} fit; shorten it or set truncate`,
        )
      }
      cutLongest(texts, Math.max(0, maxLength - specials))
    }
    const placed = template.flatMap((piece) =>
      (piece.kind === 'special' ? [this.#special(piece.id)] : texts[piece.text]).map((token) => ({
        ...token,
        typeId: piece.typeId,
      })),
    )
    return {
      ids: placed.map(({ id }) => id),
      tokens: placed.map(({ token }) => token),
      typeIds: placed.map(({ typeId }) => typeId),
    }
  }

  /**
   * Where each token of `encode(text)` stands in the text, without spaces around it; undefined for the special tokens that are added. Exact
   * for byte-level tokenizers; for others a token stands for the letters that it is spelled with, and WordPiece's unknown token for its word.
   * @throws InputError where the tokens do not spell the text
   */
  offsets(text: string): (TextSpan | undefined)[] {
    const tokenize = (part: string) => this.#tokenize(part).map(({ token }) => this.#bare(token))
    const tokens = tokenize(text)
    const spans =
      this.#unknown === undefined
        ? placeTokens(text, tokens, this.#byteLevel)
        : placeByWords(text, { tokens, tokenize, unknown: this.#unknown })
    return this.#templates.single.flatMap((piece) => (piece.kind === 'special' ? [undefined] : spans))
  }

  /** Encodes each text and fills the rows up to the longest. */
  encodeBatch(texts: readonly string[], options: EncodeBatchOptions = {}): EncodingBatch {
    const { pairs, paddingSide, ...each } = options
    return this.#filled(
      texts.map((text, i) => this.encode(text, { ...each, pair: pairs?.[i] })),
      paddingSide,
    )
  }

  /** As {@link encodeBatch}, and lets others get their turn between the texts. @throws AbortedError */
  async encodeEach(
    texts: readonly string[],
    { signal, pairs, paddingSide, ...each }: EncodeBatchOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<EncodingBatch> {
    const rows: Encoding[] = []
    for (const [i, text] of texts.entries()) {
      await checkpoint(signal, 'the tokenization')
      rows.push(this.encode(text, { ...each, pair: pairs?.[i] }))
    }
    return this.#filled(rows, paddingSide)
  }

  #filled(rows: readonly Encoding[], paddingSide: EncodeBatchOptions['paddingSide'] = 'right'): EncodingBatch {
    const width = rows.reduce((longest, { ids }) => Math.max(longest, ids.length), 0)
    const fill = (row: readonly number[], value: number) => {
      const filling = new Array<number>(width - row.length).fill(value)
      return paddingSide === 'left' ? [...filling, ...row] : [...row, ...filling]
    }
    return {
      inputIds: rows.map(({ ids }) => fill(ids, this.padTokenId)),
      attentionMask: rows.map(({ ids }) => fill(new Array<number>(ids.length).fill(1), 0)),
      tokenTypeIds: rows.map(({ typeIds }) => fill(typeIds, 0)),
    }
  }

  /** Names of the checkpoint's chat templates: mostly none or `default`. */
  get chatTemplates(): readonly string[] {
    return this.#chat.names
  }

  /**
   * A conversation in the form that the model was trained on: the text that the checkpoint's chat template makes of it, and its tokens.
   * @throws InputError where the checkpoint has no such template or its template refuses the conversation
   */
  async applyChatTemplate(messages: readonly ChatMessage[], options?: ChatTemplateOptions): Promise<ChatEncoding> {
    const text = await this.#chat.render(messages, options)
    return { text, ...this.encode(text, { addSpecialTokens: false }) }
  }

  /** Ids to text, without any later clean-up of spaces. */
  decode(ids: readonly number[], { skipSpecialTokens = true }: DecodeOptions = {}): string {
    const kept = skipSpecialTokens ? ids.filter((id) => !this.#specialIds.has(id)) : [...ids]
    if (kept.length === 0) return ''
    return usable('decode', () =>
      this.#library.decode(kept, { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: false }),
    )
  }

  idToToken(id: number): string | undefined {
    return this.#library.id_to_token(id)
  }

  tokenToId(token: string): number | undefined {
    return this.#library.token_to_id(token)
  }

  /**
   * The tokens of a text, or where it has more than maxLength, so many of its first ones that it shows: a text of any length is refused or cut without
   * reading it whole.
   * @throws InputError for more characters than are read for maxLength tokens, unless they are cut
   */
  #tokenizeWithin(text: string, maxLength: number | undefined, truncate: boolean): Token[] {
    if (maxLength === undefined || text.length <= charactersFor(maxLength)) return this.#tokenize(text)
    const most = charactersFor(maxLength, MOST_CHARACTERS)
    const first = this.#tokenizeStart(text, charactersFor(maxLength))
    if (first.length > maxLength) return first
    if (text.length <= most) return this.#tokenize(text)
    if (truncate) return this.#tokenizeStart(text, most)
    throw new InputError(
      'too-long',
      `the text has ${text.length} characters, and ${most} are read at most where ${maxLength} tokens fit; shorten it or set truncate`,
    )
  }

  /** The tokens of a text's first characters, without the word that the cut goes through, unless there is no other. */
  #tokenizeStart(text: string, length: number): Token[] {
    let end = length
    while (end > 0 && !SPACE.test(text[end - 1])) end--
    return this.#tokenize(text.slice(0, end === 0 ? length : end))
  }

  #tokenize(text: string): Token[] {
    const { ids, tokens } = usable('encode', () =>
      this.#library.encode(text.toWellFormed(), { add_special_tokens: false }),
    )
    return ids.map((id, i) => ({ id, token: tokens[i] }))
  }

  /** A token without the sign that it goes on in a word. The sign's own characters are tokens of one character each. */
  #bare(token: string): string {
    const prefix = this.#continuing
    return token.length > prefix.length && token.startsWith(prefix) ? token.slice(prefix.length) : token
  }

  #special(id: number): Token {
    return { id, token: this.idToToken(id) ?? '' }
  }
}

/** Characters that are read of a text where so many tokens fit. */
function charactersFor(maxLength: number, each = FIRST_CHARACTERS): number {
  return Math.max(FEW, maxLength * each)
}

/** Cuts the longer of the texts, token by token, until both fit together. */
function cutLongest(texts: Token[][], room: number): void {
  let total = texts.reduce((sum, tokens) => sum + tokens.length, 0)
  for (; total > room; total--) {
    const longest = texts.reduce((longer, tokens) => (tokens.length > longer.length ? tokens : longer))
    longest.pop()
  }
}

/** What the library throws at a text, as an error of ours: a stack that ran out is about a text that is too long, the rest about tokenizer.json. */
function usable<T>(operation: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof RangeError)
      throw new InputError('too-long', `${operation}: the text is too long; give it in parts`, { cause: error })
    throw new ConfigError('unsupported-tokenizer', `${operation}: tokenizer.json fails (${(error as Error).message})`, {
      cause: error,
    })
  }
}

/** tokenizer.json as the library wants it: a plain object, without the settings that the caller decides here. */
function construct(json: JsonObject): Library {
  json.object('model')
  checkSteps(json)
  const plain = Object.fromEntries(json.keys().map((key) => [key, json.get(key)]))
  try {
    return new Library(
      { ...plain, added_tokens: plain.added_tokens ?? [], truncation: null, padding: null, post_processor: null },
      {},
    )
  } catch (error) {
    throw new ConfigError('unsupported-tokenizer', `${json.where}: cannot be used (${(error as Error).message})`, {
      cause: error,
    })
  }
}

function addedTokens(json: JsonObject): JsonObject[] {
  const tokens: Json = json.get('added_tokens') ?? []
  if (!Array.isArray(tokens)) throw new ConfigError('config-type', `${json.where}: "added_tokens" is not a list`)
  return tokens.map((token: Json) => new JsonObject(token, `${json.where}: added_tokens`))
}

function specialIds(json: JsonObject): Set<number> {
  const special = addedTokens(json).filter((token) => token.boolean('special', false))
  return new Set(special.map((token) => token.integer('id', { min: 0 })))
}

/** From tokenizer_config.json, the padding settings of tokenizer.json, or a token with the usual name. */
function padTokenId(library: Library, json: JsonObject, config: JsonObject | undefined): number {
  const named = config?.get('pad_token')
  const name = typeof named === 'object' && named !== null && 'content' in named ? named.content : named
  if (typeof name === 'string') return library.token_to_id(name) ?? 0
  if (json.has('padding')) return json.object('padding').integer('pad_id', { min: 0, fallback: 0 })
  return library.token_to_id('<pad>') ?? library.token_to_id('[PAD]') ?? 0
}
