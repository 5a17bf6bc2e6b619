/**
 * A JSON reader for untrusted headers. JSON.parse keeps the last of two equal keys, rounds large integers and takes 1.0 for 1; here
 * equal keys are reported, objects become Maps (so `__proto__` is only a name), and numbers stay as they are written.
 * RFC 8259.
 */

/** A number as it is written, unparsed. */
export class NumberText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type StrictJson = null | boolean | string | NumberText | StrictJson[] | Map<string, StrictJson>

/** What is wrong, and at which character. */
export class StrictJsonError extends Error {
  /** Set when the fault is a name that occurs twice in one object. */
  readonly duplicateKey: string | undefined

  constructor(message: string, at: number, duplicateKey?: string) {
    super(`${message} at character ${at}`)
    this.duplicateKey = duplicateKey
  }
}

const MAX_DEPTH = 32
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y // eslint-disable-line no-control-regex
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const SPACE = /[ \t\n\r]*/y

/** Parses one JSON value that fills the whole text; spaces may follow it but not come before. */
export function parseStrictJson(text: string): StrictJson {
  let at = 0

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }

  function fail(wanted: string): never {
    const found = at < text.length ? JSON.stringify(text[at]) : 'the end'
    throw new StrictJsonError(`expected ${wanted}, found ${found}`, at)
  }

  function take(character: string): boolean {
    match(SPACE)
    if (text[at] !== character) return false
    at++
    match(SPACE)
    return true
  }

  function string(): string {
    const literal = match(STRING)
    if (literal === undefined) fail('a string')
    const value = JSON.parse(literal) as string
    if (!value.isWellFormed()) throw new StrictJsonError('a lone surrogate in a string', at)
    return value
  }

  function object(depth: number): Map<string, StrictJson> {
    const fields = new Map<string, StrictJson>()
    if (take('}')) return fields
    do {
      const start = at
      const key = string()
      if (fields.has(key)) throw new StrictJsonError(`the name ${JSON.stringify(key)} occurs twice`, start, key)
      if (!take(':')) fail('":"')
      fields.set(key, value(depth + 1))
    } while (take(','))
    if (!take('}')) fail('"," or "}"')
    return fields
  }

  function array(depth: number): StrictJson[] {
    const items: StrictJson[] = []
    if (take(']')) return items
    do items.push(value(depth + 1))
    while (take(','))
    if (!take(']')) fail('"," or "]"')
    return items
  }

  function value(depth: number): StrictJson {
    if (depth > MAX_DEPTH) throw new StrictJsonError(`nested deeper than ${MAX_DEPTH}`, at)
    if (text[at] === '"') return string()
    if (take('{')) return object(depth)
    if (take('[')) return array(depth)
    const number = match(NUMBER)
    if (number !== undefined) return new NumberText(number)
    for (const [word, literal] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (text.startsWith(word, at)) {
        at += word.length
        return literal
      }
    }
    return fail('a value')
  }

  const result = value(0)
  match(SPACE)
  if (at < text.length) fail('the end')
  return result
}
