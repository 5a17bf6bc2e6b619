/**
 * Regular expressions of a tokenizer.json, which run on every text. A matcher that tries one way after the other can be made to try
 * 2^length of them: `(a+)+b` on aaa…. So how many ways a pattern can match one stretch of text is estimated before it is used. The
 * patterns of known tokenizers are lists of alternatives such as ` ?\p{L}+` and pass.
 * Syntax: Oniguruma's, https://github.com/kkos/oniguruma/blob/master/doc/RE.
 */

const LONGEST_PATTERN = 10_000
/** Ways to choose among alternatives and optional parts, one after the other. */
const MOST_CHOICES = 1000
/** Repetitions of any length, one after the other: the time may grow with that power of a text's length. */
const MOST_REPETITIONS = 3
/** Times that `{n,m}` repeats. */
const MOST_TIMES = 1000

/** Ways in which a part may match the same place: `choices` times some length to the power of `repetitions`. */
interface Ways {
  choices: number
  repetitions: number
}

interface Group {
  /** Of the alternatives before this one. */
  readonly before: Ways
  /** Of what was read of this alternative. */
  readonly branch: Ways
}

const GROUP = /\((?:\?(?:[:=!>]|<[=!]|<\w+>|[a-z-]+:))?/y
const ESCAPE = /\\(?:[pPxuU]\{[^}]{0,100}\}|.)/suy
const QUANTIFIER = /([*+?]|\{(\d*)(,?)(\d*)\})[+?]?/y

/** Why a pattern may take too long, or undefined. It need not be a right one. */
export function slowPattern(pattern: string): string | undefined {
  if (pattern.length > LONGEST_PATTERN)
    return `it has ${pattern.length} characters, at most ${LONGEST_PATTERN} are read`
  const groups: Group[] = [newGroup()]
  for (let at = 0; at < pattern.length;) {
    let atom: Ways = { choices: 1, repetitions: 0 }
    const group = matchAt(GROUP, pattern, at)
    if (group) {
      groups.push(newGroup())
      at += group[0].length
      continue
    }
    if (pattern[at] === '|') {
      const { before, branch } = groups.pop()!
      groups.push({ before: either(before, branch), branch: { choices: 1, repetitions: 0 } })
      at++
      continue
    }
    if (pattern[at] === ')' && groups.length > 1) {
      const { before, branch } = groups.pop()!
      atom = either(before, branch)
      at++
    } else if (pattern[at] === '[') at = endOfClass(pattern, at)
    else at += matchAt(ESCAPE, pattern, at)?.[0].length ?? 1

    const { branch } = groups.at(-1)!
    branch.choices *= atom.choices
    branch.repetitions += atom.repetitions
    for (let found = matchAt(QUANTIFIER, pattern, at); found; found = matchAt(QUANTIFIER, pattern, at)) {
      const { min, max } = timesOf(found)
      if (max > 1 && (atom.choices > 1 || atom.repetitions > 0)) {
        return `at character ${at} it repeats what repeats or chooses itself`
      }
      if (max !== Infinity && max > MOST_TIMES) return `at character ${at} it repeats more than ${MOST_TIMES} times`
      if (min !== max && max > 1) atom = { choices: 1, repetitions: 1 }
      else if (min !== max) atom = { choices: 2, repetitions: 0 }
      else atom = { choices: 1, repetitions: 0 }
      branch.choices *= atom.choices
      branch.repetitions += atom.repetitions
      at += found[0].length
    }
    if (branch.choices > MOST_CHOICES) return `it has more than ${MOST_CHOICES} ways to choose, one after the other`
    if (branch.repetitions > MOST_REPETITIONS) {
      return `it has more than ${MOST_REPETITIONS} repetitions, one after the other`
    }
  }
  return undefined
}

function newGroup(): Group {
  return { before: { choices: 0, repetitions: 0 }, branch: { choices: 1, repetitions: 0 } }
}

function either(a: Ways, b: Ways): Ways {
  return { choices: a.choices + b.choices, repetitions: Math.max(a.repetitions, b.repetitions) }
}

function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at
  return expression.exec(text)
}

function timesOf([, sign, from, comma, to]: RegExpExecArray): { min: number; max: number } {
  if (sign === '?') return { min: 0, max: 1 }
  if (sign === '*' || sign === '+') return { min: 0, max: Infinity }
  return { min: Number(from), max: comma === '' ? Number(from) : to === '' ? Infinity : Number(to) }
}

/** The place behind a class `[…]`, which may hold others; the end of a pattern that does not end it. */
function endOfClass(pattern: string, start: number): number {
  let depth = 0
  for (let at = start; at < pattern.length; at++) {
    if (pattern[at] === '\\') at++
    else if (pattern[at] === '[') {
      depth++
      if (pattern[at + 1] === '^') at++
      if (pattern[at + 1] === ']') at++ // a bracket that comes first is a character
    } else if (pattern[at] === ']' && --depth === 0) return at + 1
  }
  return pattern.length
}
