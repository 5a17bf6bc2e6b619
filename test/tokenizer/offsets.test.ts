import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Random } from '../../bench/random.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'
import { placeByWords, placeTokens } from '../../src/tokenizer/offsets.js'
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

describe('WordPiece: a token that is unknown has the place of its word', () => {
  const load = AutoTokenizer.fromPretrained(weightsPath('all-MiniLM-L6-v2'))
  const slicesOf = async (text: string) =>
    (await load)
      .offsets(text)
      .slice(1, -1)
      .map((span) => text.slice(span!.start, span!.end))

  test.each([
    ['an emoji by itself', 'a 🙂 b', ['a', '🙂', 'b']],
    ['an emoji at a word', 'hi🙂, yes', ['hi🙂', ',', 'yes']],
    ['emojis that would make up for the letters of [UNK]', '👩‍👩‍👧 x “q”', ['👩‍👩‍👧', 'x', '“', 'q', '”']],
    ['CJK, each character by itself', '北京龘a', ['北', '京', '龘', 'a']],
    ['a word of Kana after Kanji', '漢字かな', ['漢', '字', 'か', 'な']],
    ['more letters than a word may have', `${'a'.repeat(120)} b`, ['a'.repeat(120), 'b']],
    ['compatibility forms', 'ⓐ ㍿.', ['ⓐ', '㍿', '.']],
    ['the name of a special token', '🙂 [UNK] [SEP] a', ['🙂', '[UNK]', '[SEP]', 'a']],
    ['the same word twice', '🙂 a 🙂 a 🙂', ['🙂', 'a', '🙂', 'a', '🙂']],
  ] as const)('%s', async (_, text, slices) => {
    expect(await slicesOf(text)).toEqual(slices)
  })

  test('private and control characters, which are not read, move nothing', async () => {
    expect(await slicesOf('x\u0000y z\ue000k end')).toEqual(['x', 'y', 'z\ue000k', 'z\ue000k', 'end'])
    expect(await slicesOf('a\vb c\ufeffd 🙂\u0085 e')).toEqual(expect.arrayContaining(['e']))
  })

  test.each([
    ['Latin', 'The café 🙂 opens'],
    ['Greek', 'Η πόλη ΣΊΣΥΦΟΣ 🙂 τέλος'],
    ['Cyrillic', 'Москва 🙂 столица ёж'],
    ['Hebrew', 'שלום 🙂 עולם'],
    ['Arabic', 'السَّلام 🙂 عليكم'],
    ['Devanagari', 'हिन्दी 🙂 भाषा'],
    ['Thai', 'สวัสดี 🙂 ก็'],
    ['Hangul', '한국어 🙂 서울'],
    ['Han', '龘北京 🙂 汉字'],
    ['Georgian', 'თბილისი 🙂 ქალაქი'],
    ['Amharic', 'አዲስ 🙂 አበባ'],
    ['Tamil', 'தமிழ் 🙂 மொழி'],
  ])('%s: as many places as ids, in order, each within one word of the text', async (_, text) => {
    const tokenizer = await load
    const spans = tokenizer.offsets(text).slice(1, -1)
    expect(spans).toHaveLength(tokenizer.encode(text).ids.length - 2)
    let start = 0
    for (const span of spans) {
      expect(span!.start).toBeGreaterThanOrEqual(start)
      expect(text.slice(span!.start, span!.end)).not.toMatch(/\s/)
      start = span!.start
    }
    expect(spans.filter((span) => text.slice(span!.start, span!.end) === '🙂')).toHaveLength(1)
    const words = [...text.matchAll(/\S+/g)]
    for (const { index, 0: word } of words)
      expect(spans.some((span) => span!.start >= index && span!.end <= index + word.length)).toBe(true)
  })

  test('a long text of unknown words is placed in time that grows with it', async () => {
    const text = '龘🙂 word '.repeat(4000)
    const spans = (await load).offsets(text).slice(1, -1)
    expect(text.slice(spans.at(-1)!.start, spans.at(-1)!.end)).toBe('word')
  })

  test('whatever is written', async () => {
    const random = new Random(12)
    const PARTS = ['a', 'Paris', ' ', '\n', '\r\n', 'é', 'e\u0301', 'ß', 'Ж', '北', '龘', '한', '🙂', '\u200d', '7', '.', '$', '\ud800', '\u00a0', '\0', '\ufffd', '\ufeff', '\v', '\ue000', '々', '𠀀', '[UNK]', '[SEP]'] // prettier-ignore
    const tokenizer = await load
    for (let i = 0; i < 1000; i++) {
      const text = Array.from({ length: random.below(14) }, () => random.pick(PARTS)).join('')
      const spans = tokenizer.offsets(text)
      expect(spans, JSON.stringify(text)).toHaveLength(tokenizer.encode(text).ids.length)
      let start = 0
      for (const span of spans.slice(1, -1)) {
        expect(span!.start, JSON.stringify(text)).toBeGreaterThanOrEqual(start)
        expect(span!.end).toBeGreaterThanOrEqual(span!.start)
        start = span!.start
      }
    }
  })
})

test('words whose tokens are not those of the text are refused', () => {
  const tokenize = (part: string) => (part === 'new york' ? ['new', '?'] : [part])
  expect(() => placeByWords('new york', { tokens: ['new', '?'], tokenize, unknown: '?' })).toThrow(
    'the text has 2 tokens, and its words have others, so the places of the tokens in it are not known',
  )
})
