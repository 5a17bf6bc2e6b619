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

/** JSON.parse with the file's name in the error. */
export function parseJson(text: string, where: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new ConfigError('not-json', `${where}: not valid JSON (${(error as Error).message})`, { cause: error })
  }
}

function show(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
