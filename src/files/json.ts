/**
 * Reading JSON from outside. Objects become Maps, so that a key such as `__proto__` is only a key, and every value is
 * asked for by type, so that a wrong file is reported by field and not found out by a NaN three layers later.
 */
import { ConfigError } from '../errors.js'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A JSON object whose fields are asked for by name and type. */
export class JsonObject {
  readonly #fields: ReadonlyMap<string, Json>
  /** File and path inside it, for messages: `config.json`, `config.json: rope_scaling`. */
  readonly where: string

  constructor(value: Json | undefined, where: string) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw new ConfigError('config-type', `${where}: expected a JSON object, got ${show(value)}`)
    }
    this.#fields = new Map(Object.entries(value))
    this.where = where
  }

  /** Parses text that must hold one JSON object. */
  static parse(text: string, where: string): JsonObject {
    return new JsonObject(parseJson(text, where), where)
  }

  keys(): string[] {
    return [...this.#fields.keys()]
  }

  has(key: string): boolean {
    return (this.#fields.get(key) ?? null) !== null
  }

  get(key: string): Json | undefined {
    return this.#fields.get(key)
  }

  /** A whole number from `min` (1 unless told) to `max`. */
  integer(
    key: string,
    { fallback, min = 1, max = Infinity }: { fallback?: number; min?: number; max?: number } = {},
  ): number {
    const range = max === Infinity ? `of ${min} or more` : `from ${min} to ${max}`
    const fits = (value: Json) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
    return this.#typed(key, fallback, `a whole number ${range}`, fits)
  }

  /** A whole number that divides another field, as the number of heads divides the hidden size. */
  divisor(key: string, of: string): number {
    const divisor = this.integer(key)
    if (this.integer(of) % divisor === 0) return divisor
    throw new ConfigError(
      'config-type',
      `${this.where}: "${of}" ${this.integer(of)} is not a multiple of "${key}" ${divisor}`,
    )
  }

  number(key: string, fallback?: number): number {
    return this.#typed(key, fallback, 'a number', (value) => typeof value === 'number' && Number.isFinite(value))
  }

  /** A number from 0 to 1. */
  probability(key: string): number {
    const fits = (value: Json) => typeof value === 'number' && value >= 0 && value <= 1
    return this.#typed<number>(key, undefined, 'a number from 0 to 1', fits)
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.#typed(key, fallback, 'true or false', (value) => typeof value === 'boolean')
  }

  string(key: string, fallback?: string): string {
    return this.#typed(key, fallback, 'a string', (value) => typeof value === 'string')
  }

  /** A list of strings. */
  strings(key: string): readonly string[] {
    const fits = (value: Json) => Array.isArray(value) && value.every((item) => typeof item === 'string')
    return this.#typed<string[]>(key, undefined, 'a list of strings', fits)
  }

  /** One of the given strings; anything else is not supported. */
  oneOf<T extends string>(key: string, choices: readonly T[], fallback?: T): T {
    return this.#typed(key, fallback, `one of ${choices.join(', ')}`, (value) => choices.includes(value as T))
  }

  object(key: string): JsonObject {
    return new JsonObject(this.#fields.get(key), `${this.where}: ${key}`)
  }

  #typed<T extends Json>(key: string, fallback: T | undefined, wanted: string, fits: (value: Json) => boolean): T {
    const value = this.#fields.get(key)
    if (value === undefined || value === null) {
      if (fallback !== undefined) return fallback
      throw new ConfigError('config-missing', `${this.where}: "${key}" is missing, expected ${wanted}`)
    }
    if (!fits(value))
      throw new ConfigError('config-type', `${this.where}: "${key}" is ${show(value)}, expected ${wanted}`)
    return value as T
  }
}

/** Whoever walks through JSON does so by recursion, which deeper lists would run out of stack. */
const MAX_DEPTH = 64
/** A list or an object takes up to fifty bytes of memory for its two characters; a tokenizer with half a million merges is among the largest. */
const MAX_LISTS = 2_000_000
/** A name in an object takes up to 150 bytes; vocabularies have an eighth of that many. */
const MAX_NAMES = 2_000_000
const MAX_VALUES = 4_000_000

/**
 * JSON.parse with the file's name in the error, for texts from outside.
 * @throws ConfigError for what is not JSON, is nested deeper than 64 levels, or has more than 2,000,000 lists and objects, 2,000,000 names or
 * 4,000,000 values
 */
export function parseJson(text: string, where: string): Json {
  checkSize(text, where)
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new ConfigError('not-json', `${where}: not valid JSON (${(error as Error).message})`, { cause: error })
  }
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [LIST, LIST_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Counts brackets, colons and commas before anything is made of them. */
function checkSize(text: string, where: string): void {
  const fail = (most: number, what: string) =>
    new ConfigError('json-too-large', `${where}: more than ${most} ${what}; it is damaged, or has to be split`)
  let [depth, lists, names, values] = [0, 0, 0, 1]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else if (code === COMMA) values++
    else if (code === COLON) names++
    else if (code === LIST_END || code === OBJECT_END) depth--
    else if (code === LIST || code === OBJECT) {
      lists++
      if (++depth > MAX_DEPTH) throw fail(MAX_DEPTH, 'lists and objects within each other')
    }
  }
  if (lists > MAX_LISTS) throw fail(MAX_LISTS, 'lists and objects')
  if (names > MAX_NAMES) throw fail(MAX_NAMES, 'names')
  if (values > MAX_VALUES) throw fail(MAX_VALUES, 'values')
}

/** Place of the quote that ends a string; of the end of the text where there is none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    if (code === BACKSLASH) at++
  }
  return text.length
}

function show(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
