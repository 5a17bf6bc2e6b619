/**
 * A tokenizer.json that is made to take for ever is refused when it is opened; those of known models are not.
 */
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { memoryFolder } from '../../src/files/folder.js'
import { slowPattern } from '../../src/tokenizer/pattern.js'
import { AutoTokenizer, type Tokenizer } from '../../src/tokenizer/index.js'
import { goldenPath } from '../support/goldens.js'
import { byteTokenizer, wordTokenizer } from '../support/small-tokenizers.js'

function open(part: object): Promise<Tokenizer> {
  const json = new TextEncoder().encode(JSON.stringify({ ...wordTokenizer, ...part }))
  return AutoTokenizer.fromPretrained(memoryFolder(new Map([['tokenizer.json', json]]), 'model'))
}

const replace = (Regex: string) => ({ type: 'Replace', pattern: { Regex }, content: '' })
const doubled = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' }

describe('patterns that match one text in very many ways are slow', () => {
  test.each([
    '(a+)+$',
    '(?:a*)*b',
    '(a|a)*b',
    '(a|ab)+$',
    '(?:(?:a?){2,})c',
    '(a{1,9}){1,9}b',
    '((a+)b?){20}',
    '([a-z]+\\d*)*!',
    '([]a]+)+b',
    '(?i:x+)+y',
    '(?=(a+)+b)',
    'a?'.repeat(30) + 'a'.repeat(30),
    '(a|a)'.repeat(30),
    '\\s*'.repeat(20) + 'x',
    'a{0,100000}',
    'a'.repeat(10_001),
  ])('%s', (pattern) => {
    expect(slowPattern(pattern)).toBeDefined()
  })
})

describe('patterns of known tokenizers are not', () => {
  test.each([
    ['GPT-2', "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"],
    [
      'Llama 3',
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    ],
    [
      'GPT-4o',
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    ],
    [
      'cl100k, possessive',
      "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+|\\s++$|\\s*[\\r\\n]|\\s+",
    ],
    ['BLOOM', ' ?[^(\\s|[.,!?…。，、।۔،])]+'],
    [
      'DeepSeek V3',
      '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
    ],
    ['digits by three', '(?=(\\d{3})+(?!\\d))'],
    ['CLIP', "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"],
    ['spaces', ' {2,}'],
  ])('%s', (_model, pattern) => {
    expect(slowPattern(pattern)).toBeUndefined()
  })
})

test.each([
  ['a pattern of a normalizer', { normalizer: replace('(a+)+$') }],
  ['one in a sequence', { normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, replace('(a+)+$')] } }],
  ['one of a pre-tokenizer', { pre_tokenizer: { type: 'Split', pattern: { Regex: '(a|a)*b' }, behavior: 'Isolated' } }],
  ['one of a decoder', { decoder: { type: 'Sequence', decoders: [replace('(a+)+$')] } }],
  ['a text that is doubled 30 times', { normalizer: { type: 'Sequence', normalizers: new Array(30).fill(doubled) } }],
  [
    'one that is made of bytes 30 times',
    { pre_tokenizer: { type: 'Sequence', pretokenizers: new Array(30).fill({ type: 'ByteLevel' }) } },
  ],
  ['pieces of no characters', { pre_tokenizer: { type: 'FixedLength', length: 0 } }],
  ['more than 100 steps', { normalizer: { type: 'Sequence', normalizers: new Array(101).fill({ type: 'NFC' }) } }],
])('%s is refused', async (_what, part) => {
  const error: unknown = await open(part).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).message).toMatch(/^model\/tokenizer\.json/)
})

test('sequences within each other, a million deep, are refused', async () => {
  const deep = '{"type":"Sequence","normalizers":['.repeat(1e6)
  const json = new TextEncoder().encode(`{"model":{},"normalizer":${deep}`)
  const opened = AutoTokenizer.fromPretrained(memoryFolder(new Map([['tokenizer.json', json]])))
  await expect(opened).rejects.toMatchObject({ name: 'ConfigError', code: 'json-too-large' })
})

describe('what the library throws at a text is a typed error', () => {
  test('an id without a token, where the decoder wants one', async () => {
    const tokenizer = await open({ model: byteTokenizer.model })
    expect(() => tokenizer.decode([5, 1e6])).toThrow(ConfigError)
  })

  test('a word of more tokens than its stack takes', async () => {
    const tokenizer = await AutoTokenizer.fromPretrained(goldenPath('tokenizers/unigram-t5'))
    const text = 'q7'.repeat(200_000)
    expect(() => tokenizer.encode(text)).toThrow(
      expect.objectContaining({ name: 'InputError', code: 'too-long' }) as Error,
    )
  })
})
