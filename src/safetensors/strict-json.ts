/**
 * A JSON reader for untrusted headers. JSON.parse keeps the last of two equal keys, rounds large integers and takes 1.0 for 1; here equal
 * keys are reported and a number counts as it is written. And JSON.parse makes a tree, which takes many times the bytes of its text; here
 * whoever reads takes one value after the other, and keeps what is wanted of it. RFC 8259.
 */
import { shortened } from '../errors.js'

/** What is wrong, and at which character. */
export class StrictJsonError extends Error {
  /** Set when the fault is a name that occurs twice in one object. */
  readonly duplicateKey: string | undefined

  constructor(message: string, at: number, duplicateKey?: string) {
    super(shortened(`${message} at character ${at}`))
    this.duplicateKey = duplicateKey
  }
}

/** Most characters of a name in an object, as it is written. */
export const LONGEST_NAME = 1024
/** Most names of an object, unless the reader allows more. */
const MOST_NAMES = 1024
const MAX_DEPTH = 32

const [QUOTE, BACKSLASH, FIRST_PRINTABLE] = [0x22, 0x5c, 0x20]
const [ZERO, NINE] = [0x30, 0x39]
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y

/** Reads the values of a JSON text in their order. Whatever is not as it is asked for is a {@link StrictJsonError}. */
export class StrictJsonReader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The character that the next value begins with: `{` for an object, `"` for a string. */
  get next(): string {
    return this.#text[this.#at] ?? ''
  }

  /**
   * An object. `read` is called behind each name, and has to read the value.
   * @param most names that it may have
   */
  object(read: (name: string) => void, most = MOST_NAMES): void {
    const names = new Set<string>()
    this.#list('{', '}', () => {
      const start = this.#at
      const name = this.string(LONGEST_NAME)
      if (names.has(name)) {
        throw new StrictJsonError(`the name ${JSON.stringify(name)} occurs twice`, start, name)
      }
      if (names.size === most) throw new StrictJsonError(`more than ${most} names in an object`, start)
      names.add(name)
      if (!this.#take(':')) this.#fail('":"')
      read(name)
    })
  }

  /** A list. `read` is called for each value, and has to read it. */
  array(read: () => void): void {
    this.#list('[', ']', read)
  }

  /** A string of at most so many characters, as they are written. */
  string(longest = Infinity): string {
    const start = this.#at
    if (this.next !== '"') this.#fail('a string')
    let end = start + 1
    for (let code = this.#text.charCodeAt(end); code !== QUOTE; code = this.#text.charCodeAt(end)) {
      if (code === BACKSLASH) {
        ESCAPE.lastIndex = end
        if (!ESCAPE.test(this.#text)) throw new StrictJsonError('a wrong escape in a string', end)
        end = ESCAPE.lastIndex
      } else if (code >= FIRST_PRINTABLE) end++
      else throw new StrictJsonError('a string without its end', start) // or code is NaN, at the end of the text
      if (end - start > longest + 1) throw new StrictJsonError(`a name of more than ${longest} characters`, start)
    }
    this.#at = end + 1
    const value = JSON.parse(this.#text.slice(start, end + 1)) as string // a slice alone would keep the whole text in memory
    if (!value.isWellFormed()) throw new StrictJsonError('a lone surrogate in a string', start)
    return value
  }

  /** A number that is written as a whole one, up to 2^53 - 1; undefined for another one. */
  wholeNumber(): number | undefined {
    const start = this.#at
    let [end, value] = [start, 0]
    for (let code = this.#text.charCodeAt(end); code >= ZERO && code <= NINE; code = this.#text.charCodeAt(end)) {
      value = value * 10 + code - ZERO
      end++
    }
    NUMBER.lastIndex = start
    if (!NUMBER.test(this.#text)) this.#fail('a number')
    this.#at = NUMBER.lastIndex
    return this.#at === end && Number.isSafeInteger(value) ? value : undefined
  }

  /** Any value, which is not wanted. */
  skip(): void {
    const { next } = this
    if (next === '{') this.object(() => this.skip())
    else if (next === '[') this.array(() => this.skip())
    else if (next === '"') this.string()
    else if (/[-0-9]/.test(next)) this.wholeNumber()
    else {
      const word = ['true', 'false', 'null'].find((one) => this.#text.startsWith(one, this.#at))
      if (word === undefined) this.#fail('a value')
      this.#at += word.length
    }
  }

  /** The end of the text; spaces may stand before it. */
  end(): void {
    this.#space()
    if (this.#at < this.#text.length) this.#fail('the end')
  }

  #list(open: string, close: string, read: () => void): void {
    if (this.#depth === MAX_DEPTH) throw new StrictJsonError(`nested deeper than ${MAX_DEPTH}`, this.#at)
    if (!this.#take(open)) this.#fail(`"${open}"`)
    this.#depth++
    if (!this.#take(close)) {
      do read()
      while (this.#take(','))
      if (!this.#take(close)) this.#fail(`"," or "${close}"`)
    }
    this.#depth--
  }

  #take(character: string): boolean {
    this.#space()
    if (this.next !== character) return false
    this.#at++
    this.#space()
    return true
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '.')) this.#at++
  }

  #fail(wanted: string): never {
    const found = this.next === '' ? 'the end' : JSON.stringify(this.next)
    throw new StrictJsonError(`expected ${wanted}, found ${found}`, this.#at)
  }
}
