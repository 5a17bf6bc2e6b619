import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { memoryFolder } from '../../src/files/folder.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'
import { goldenJson, goldenPath } from '../support/goldens.js'

interface GoldenEncoding {
  readonly name: string
  readonly text: string
  readonly pair?: string
  readonly add_special_tokens: boolean
  readonly truncation?: { readonly max_length: number; readonly strategy?: string }
  readonly padding?: { readonly direction: string; readonly length: number }
  readonly ids: number[]
  readonly tokens: string[]
  readonly type_ids: number[]
  readonly decoded: string
  readonly decoded_skip_special: string
}

/** The ids that we give where they differ from the original; src/tokenizer/DIFFERENCES.md explains each. */
const DIFFERENT: Readonly<Record<string, readonly number[]>> = {
  'unigram-t5 text.24': [93, 3, 2, 3, 174, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 1],
}

const families = readdirSync(goldenPath('tokenizers'))

describe.each(families)('%s', (family) => {
  const { encodings } = goldenJson<{ encodings: GoldenEncoding[] }>('tokenizers', family, 'expected.json')
  const load = AutoTokenizer.fromPretrained(goldenPath('tokenizers', family))
  const supported = encodings.filter(
    ({ padding, truncation }) => padding === undefined && (truncation?.strategy ?? 'longest_first') === 'longest_first',
  )

  test.each(supported)('$name: ids, tokens, segments and text are those of tokenizers', async (golden) => {
    const tokenizer = await load
    const encoding = tokenizer.encode(golden.text, {
      pair: golden.pair,
      addSpecialTokens: golden.add_special_tokens,
      maxLength: golden.truncation?.max_length,
      truncate: golden.truncation !== undefined,
    })
    const different = DIFFERENT[`${family} ${golden.name}`]
    if (different) {
      expect(encoding.ids, 'the library has changed: correct the list').toEqual(different)
      return
    }
    expect(encoding.ids).toEqual(golden.ids)
    expect(encoding.tokens).toEqual(golden.tokens)
    expect(encoding.typeIds).toEqual(golden.type_ids)
    expect(tokenizer.decode(golden.ids, { skipSpecialTokens: false })).toBe(golden.decoded)
    expect(tokenizer.decode(golden.ids)).toBe(golden.decoded_skip_special)
  })

  test('rows of a batch are filled up with the padding token, on the right or the left', async () => {
    const golden = encodings.find(({ padding }) => padding?.direction === 'right')!
    const tokenizer = await load
    const { inputIds, attentionMask } = tokenizer.encodeBatch([golden.text, 'a considerably longer text than that'])
    const own = tokenizer.encode(golden.text).ids.length
    expect(inputIds[0].slice(0, own)).toEqual(golden.ids.slice(0, own))
    expect(new Set(inputIds[0].slice(own))).toEqual(new Set([tokenizer.padTokenId]))
    expect(attentionMask[0].filter((bit) => bit === 1)).toHaveLength(own)
    expect(inputIds[0]).toHaveLength(inputIds[1].length)
    const left = tokenizer.encodeBatch([golden.text, 'a considerably longer text than that'], { paddingSide: 'left' })
    expect(left.inputIds[0]).toEqual([...inputIds[0].slice(own), ...inputIds[0].slice(0, own)])
    expect(left.attentionMask[0]).toEqual(attentionMask[0].toReversed())
  })
})

describe('tokenizer files that cannot be used', () => {
  const from = (text: string) =>
    AutoTokenizer.fromPretrained(memoryFolder(new Map([['tokenizer.json', new TextEncoder().encode(text)]]), 'model'))
  const good = readFileSync(goldenPath('tokenizers', families[0], 'tokenizer.json'), 'utf8')

  test('a missing file says what it is for', async () => {
    await expect(AutoTokenizer.fromPretrained(goldenPath('bert/base'))).rejects.toThrow(
      /there is no tokenizer.json, which describes the tokenizer/,
    )
  })
  test.each([
    ['truncated', good.slice(0, 1000), 'not-json'],
    ['an array', '[]', 'config-type'],
    ['without a model', '{}', 'config-type'],
    ['an unknown model', '{"model":{"type":"Telepathy","vocab":{}}}', 'unsupported-tokenizer'],
  ])('%s', async (_name, text, code) => {
    await expect(from(text)).rejects.toMatchObject({
      name: 'ConfigError',
      code,
      message: expect.stringContaining('model/tokenizer.json') as string,
    })
  })
})

test('a lone surrogate is read as the replacement character', async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(goldenPath('tokenizers/bytelevel-bpe-gpt2'))
  expect(tokenizer.encode('a\ud800b').ids).toEqual(tokenizer.encode('a\ufffdb').ids)
})

test('more tokens than fit are refused with both numbers, or cut when asked', async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(goldenPath('tokenizers/wordpiece-uncased'))
  const text = 'hello world '.repeat(20)
  const { length } = tokenizer.encode(text).ids
  expect(() => tokenizer.encode(text, { maxLength: 8 })).toThrow(`the text has ${length} tokens, at most 8 fit`)
  expect(tokenizer.encode(text, { maxLength: 8, truncate: true }).ids).toHaveLength(8)
})

describe.each(families)('a text of any length where so many tokens fit: %s', (family) => {
  const load = AutoTokenizer.fromPretrained(goldenPath('tokenizers', family))

  test('is refused with what is known of its length, and cut to the tokens that it begins with', async () => {
    const tokenizer = await load
    const text = 'the cat sat, and 12 dogs ran! '.repeat(4000)
    expect(() => tokenizer.encode(text, { maxLength: 64 })).toThrow(
      /^the text has (at least )?\d+ (tokens, at most 64 fit|characters)/,
    )
    const start = tokenizer.encode(text.slice(0, 3000), { maxLength: 64, truncate: true })
    expect(tokenizer.encode(text, { maxLength: 64, truncate: true })).toEqual(start)
    const pair = { pair: text, maxLength: 64, truncate: true }
    expect(tokenizer.encode(text, pair)).toEqual(
      tokenizer.encode(text.slice(0, 3000), { ...pair, pair: text.slice(0, 3000) }),
    )
  })

  test('without a space, or of spaces alone, it ends too', async () => {
    const tokenizer = await load
    for (const letter of ['a', ' ', '中']) {
      const cut = tokenizer.encode(letter.repeat(1_000_000), { maxLength: 64, truncate: true })
      expect(cut.ids.length).toBeLessThanOrEqual(64)
      expect(() => tokenizer.encode(letter.repeat(1_000_000), { maxLength: 64 })).toThrow('the text has')
    }
  })

  test('texts of a batch can be cancelled between each other', async () => {
    const tokenizer = await load
    const texts = ['a', 'b']
    expect(await tokenizer.encodeEach(texts, { pairs: ['c', 'd'] })).toEqual(
      tokenizer.encodeBatch(texts, { pairs: ['c', 'd'] }),
    )
    await expect(tokenizer.encodeEach(texts, { signal: AbortSignal.abort() })).rejects.toThrow(
      'the tokenization was cancelled',
    )
  })
})
