/**
 * Mutations of JSON: values of other types and sizes, names twice, lists in lists, and what strings may hold.
 */
import type { Random } from '../../../bench/random.js'
import { mutateBytes } from './bytes.js'
import { LIMITS, LONGEST, times, toBytes, toText, type Mutate } from './mutate.js'

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:]|\s+|./gsu

const NUMBERS = [...LIMITS.flatMap((limit) => [`${limit}`, `-${limit}`]), '0.5', '1e-320', '1e308', '1e999', '1E400', '-0', '0.1e1', '01', '1.', 'NaN', 'Infinity'] // prettier-ignore
const STRINGS = ['', ' ', '__proto__', 'constructor', 'toString', 'length', '\\u0000', '\\ud800', '\\udc00\\ud800', '\\ufeff', '../../x', '/x', 'a\\\\b', 'é\u0301', '👩‍👧', '\\n', '%s', 'x'.repeat(2000)] // prettier-ignore
const VALUES = ['null', 'true', 'false', '[]', '{}', '[[]]', '{"":{}}', '[null]', '""', '"0"', '0', '-1', '1e999']

/** @param words strings that mean something to the reader, to be put in the place of others */
export function jsonMutator(words: readonly string[] = []): Mutate {
  const strings = [...STRINGS, ...words.map((word) => JSON.stringify(word).slice(1, -1))]
  const mutate = (text: string, random: Random): string => {
    let tokens: string[] = text.match(TOKENS) ?? []
    times(random, () => (tokens = change(tokens, random, strings)))
    return tokens.join('')
  }
  return (input, random, others) => {
    if (random.below(12) === 0) return mutateBytes(input, random, others)
    const bytes = toBytes(mutate(toText(input), random))
    return random.below(20) === 0 ? mutateBytes(bytes, random, others) : bytes
  }
}

function change(tokens: string[], random: Random, strings: readonly string[]): string[] {
  const values = tokens.flatMap((token, i) => (/^["\d\-tfn[{]/.test(token) ? [i] : []))
  if (values.length === 0) return [random.pick(VALUES)]
  const start = random.pick(values)
  const end = endOfValue(tokens, start)
  const value = tokens.slice(start, end)
  const put = (...made: string[]) => [...tokens.slice(0, start), ...made, ...tokens.slice(end)]
  const isString = tokens[start].startsWith('"')
  switch (random.below(11)) {
    case 0:
    case 1:
      return isString ? put(`"${random.pick(strings)}"`) : put(random.pick(NUMBERS))
    case 2:
      return put(random.pick(NUMBERS))
    case 3:
      return put(`"${random.pick(strings)}"`)
    case 4:
      return put(random.pick(VALUES))
    case 5: {
      const other = random.pick(values)
      return put(...tokens.slice(other, endOfValue(tokens, other)))
    }
    case 6: {
      const depth = 1 << random.below(16)
      const [open, close] = random.pick([['[', ']'], ['{"a":', '}']] as const) // prettier-ignore
      const deep = Math.min(depth, Math.floor(LONGEST / (2 * open.length)))
      return put(open.repeat(deep), ...value, random.below(8) === 0 ? '' : close.repeat(deep))
    }
    case 7:
      return random.below(2) === 0 ? put() : [...tokens.slice(0, start), ...tokens.slice(memberEnd(tokens, end))]
    case 8: {
      // a member or an element many times: names twice, lists too long
      const from = memberStart(tokens, start)
      const member = [...tokens.slice(from, end), ',']
      const size = member.join('').length
      const copies = Math.min(1 << random.below(12), Math.floor(LONGEST / size))
      const numbered = random.below(2) === 0
      const copy = (i: number) =>
        numbered
          ? member.map((token, at) => (at === 0 && token.length > 2 ? `${token.slice(0, -1)}${i}"` : token))
          : member
      return [
        ...tokens.slice(0, from),
        ...Array.from({ length: copies }, (_, i) => copy(i)).flat(),
        ...tokens.slice(from),
      ]
    }
    case 9:
      return isString ? put(`${tokens[start].slice(0, -1)}${random.pick(strings)}"`) : put(...value, ...value)
    default:
      return tokens.slice(0, random.below(tokens.length))
  }
}

function endOfValue(tokens: readonly string[], start: number): number {
  let depth = 0
  for (let at = start; at < tokens.length; at++) {
    if (tokens[at] === '[' || tokens[at] === '{') depth++
    else if (tokens[at] === ']' || tokens[at] === '}') depth--
    if (depth <= 0) return at + 1
  }
  return tokens.length
}

/** Where the name of a value begins, or the value itself where it has none. */
function memberStart(tokens: readonly string[], start: number): number {
  let at = start - 1
  while (at > 0 && tokens[at].trim() === '') at--
  if (tokens[at] !== ':') return start
  do at--
  while (at > 0 && tokens[at].trim() === '')
  return Math.max(0, at)
}

/** The place behind a comma that follows a value. */
function memberEnd(tokens: readonly string[], end: number): number {
  let at = end
  while (at < tokens.length && tokens[at].trim() === '') at++
  return tokens[at] === ',' ? at + 1 : end
}
