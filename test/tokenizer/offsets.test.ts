import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Random } from '../../bench/random.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'
import { placeTokens } from '../../src/tokenizer/offsets.js'
import { goldenJson, goldenPath } from '../support/goldens.js'
import { weightsPath } from '../support/weights.js'

interface GoldenEncoding {
  readonly name: string
  readonly text: string
  readonly pair?: string
  readonly add_special_tokens: boolean
  readonly truncation?: object
  readonly padding?: object
  readonly tokens: string[]
  readonly special_tokens_mask: number[]
  /** In code points. */
  readonly offsets: [number, number][]
}

/** With Unigram, where the original places accents apart from their letters and a control character, and we do not. */
const NOT_BARE_LETTERS = ['text.11', 'text.28', 'text.42']

const families = readdirSync(goldenPath('tokenizers')).filter((family) => !family.startsWith('wordpiece'))

describe.each(families)('offsets of %s', (family) => {
  const { encodings } = goldenJson<{ encodings: GoldenEncoding[] }>('tokenizers', family, 'expected.json')
  const load = AutoTokenizer.fromPretrained(goldenPath('tokenizers', family))
  const plain = encodings.filter(
    ({ name, pair, truncation, padding, add_special_tokens }) =>
      pair === undefined && !truncation && !padding && add_special_tokens &&
      !(family.startsWith('unigram') && NOT_BARE_LETTERS.includes(name)), // prettier-ignore
  )

  // Spaces belong to the tokens after them in some tokenizers and not in others, so those around a token are not compared.
  test.each(plain)('$name are those of tokenizers', async ({ text, tokens, special_tokens_mask, offsets }) => {
    const tokenizer = await load
    const units = [0]
    for (const character of text) units.push(units.at(-1)! + character.length)
    const got = tokenizer.offsets(text)
    expect(got).toHaveLength(tokenizer.encode(text).ids.length)
    if (got.length !== tokens.length) return // an id that differs: src/tokenizer/DIFFERENCES.md
    tokens.forEach((token, i) => {
      const span = got[i]
      if (special_tokens_mask[i] === 1 && offsets[i][1] === 0) return expect(span, token).toBeUndefined()
      const [start, end] = offsets[i].map((codePoint) => units[codePoint])
      const shown = token.replace(/^▁/, '') === '' ? '' : text.slice(start, end) // a ▁ alone is a space before a word
      expect(text.slice(span!.start, span!.end), token).toBe(shown.trim())
      if (shown.trim() !== '') expect(span!.start, token).toBe(start + shown.length - shown.trimStart().length)
    })
  })
})

describe('whatever is written, with the byte-level tokenizer of the reader', () => {
  const random = new Random(11)
  const PARTS = ['a', 'Paris', ' ', '  ', '\n', '\t', 'é', 'e\u0301', 'ß', 'Ж', '北京', '한', '🙂', '👩‍👩‍👧', '7', '.', '//', '\ud800', '\udc00', '\u00a0', '\0', '\ufffd'] // prettier-ignore
  const texts = Array.from({ length: 400 }, () =>
    Array.from({ length: random.below(14) }, () => random.pick(PARTS)).join(''),
  )

  test('slices are the decoded tokens, up to spaces around them, and nothing but spaces lies between', async () => {
    const tokenizer = await AutoTokenizer.fromPretrained(weightsPath('reader'))
    for (const text of texts) {
      const { ids } = tokenizer.encode(text)
      const spans = tokenizer.offsets(text)
      expect(spans).toHaveLength(ids.length)
      expect(spans.at(-1)).toBeUndefined() // </s>
      let end = 0
      spans.slice(0, -1).forEach((span, i) => {
        const decoded = tokenizer.decode([ids[i]])
        const slice = text.slice(span!.start, span!.end)
        if (!decoded.includes('\ufffd')) expect(slice, JSON.stringify(text)).toBe(decoded.trim())
        if (span!.start > end) expect(text.slice(end, span!.start).trim(), JSON.stringify(text)).toBe('')
        end = Math.max(end, span!.end)
      })
      expect(text.slice(end).trim()).toBe('')
    }
  })

  test('tokens that share a character all have it', async () => {
    const tokenizer = await AutoTokenizer.fromPretrained(weightsPath('reader'))
    const spans = tokenizer.offsets('a🙂b').slice(0, -1)
    expect(spans.length).toBeGreaterThan(3)
    expect(spans[0]).toEqual({ start: 0, end: 1 })
    for (const span of spans.slice(1, -1)) expect(span).toEqual({ start: 1, end: 3 })
    expect(spans.at(-1)).toEqual({ start: 3, end: 4 })
  })
})

test('WordPiece: tokens that go on in a word, accents and case', async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(weightsPath('all-MiniLM-L6-v2'))
  const text = 'C# and ## Tokenization of Éclairs'
  const { tokens } = tokenizer.encode(text)
  const slices = tokenizer.offsets(text).map((span) => span && text.slice(span.start, span.end))
  const named = tokens.map((token, i) => [token, slices[i]])
  expect(named).toEqual([
    ['[CLS]', undefined],
    ['c', 'C'],
    ['#', '#'],
    ['and', 'and'],
    ['#', '#'],
    ['#', '#'],
    ['token', 'Token'],
    ['##ization', 'ization'],
    ['of', 'of'],
    ['ec', 'Éc'],
    ['##lai', 'lai'],
    ['##rs', 'rs'],
    ['[SEP]', undefined],
  ])
})

test('tokens that do not spell the text are refused', () => {
  expect(() => placeTokens('tokenization', ['token', 'xization'], false)).toThrow(
    'the tokens spell 13 letters and the text has 12, so their places in it are not known',
  )
})
