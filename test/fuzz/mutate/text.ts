/**
 * Mutations of texts in a language of marks, such as HTML or Markdown: marks put in, in each other, and many times; lines and numbers.
 */
import type { Random } from '../../../bench/random.js'
import { mutateBytes } from './bytes.js'
import { LIMITS, LONGEST, times, toBytes, toText, type Mutate } from './mutate.js'

const ODD = [
  '\u0000',
  '\ufeff',
  '\u2028',
  '\u200f',
  '\ud800',
  '\r',
  '\t',
  ' '.repeat(50),
  'é\u0301',
  '👩‍👧',
  'x'.repeat(3000),
]

/** @param marks what the format knows: tags, fences, separators */
export function textMutator(marks: readonly string[]): Mutate {
  return (input, random, others) => {
    if (random.below(12) === 0) return mutateBytes(input, random, others)
    let text = toText(input)
    times(random, () => (text = change(text, random, marks, others).slice(0, LONGEST)))
    const bytes = toBytes(text)
    return random.below(20) === 0 ? mutateBytes(bytes, random, others) : bytes
  }
}

function change(text: string, random: Random, marks: readonly string[], others: readonly Uint8Array[]): string {
  const at = random.below(text.length + 1)
  const end = at + random.below(Math.min(text.length - at, 200) + 1)
  const put = (made: string) => text.slice(0, at) + made + text.slice(at)
  const many = (made: string) =>
    made.repeat(Math.min(1 << random.below(16), Math.floor(LONGEST / Math.max(1, made.length))))
  switch (random.below(9)) {
    case 0:
      return put(random.pick(marks))
    case 1:
      return put(many(random.pick(marks)))
    case 2:
      return put(many(`${random.pick(marks)}${random.pick([' ', '\n', 'a', ''])}`))
    case 3:
      return put(many(text.slice(at, end)))
    case 4:
      return text.slice(0, at) + text.slice(end)
    case 5:
      return put(random.pick(ODD))
    case 6: {
      const numbers = [...text.matchAll(/\d+/g)]
      if (numbers.length === 0) return put(String(random.pick(LIMITS)))
      const { index, 0: number } = random.pick(numbers)
      return text.slice(0, index) + random.pick([...LIMITS, -1]) + text.slice(index + number.length)
    }
    case 7: {
      const lines = text.split('\n')
      const [i, j] = [random.below(lines.length), random.below(lines.length)]
      ;[lines[i], lines[j]] = [lines[j], lines[i]]
      return lines.join('\n')
    }
    default: {
      const other = toText(random.pick(others))
      return text.slice(0, at) + other.slice(random.below(other.length + 1))
    }
  }
}
