import { describe, expect, test } from 'vitest'
import { GgufFolder } from '../../src/gguf/index.js'
import { memoryFolder } from '../../src/files/folder.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'
import { goldenJson, goldenPath } from '../support/goldens.js'
import { GgufBytes } from '../support/gguf-bytes.js'

interface GoldenEncoding {
  readonly name: string
  readonly text: string
  readonly pair?: string
  readonly add_special_tokens: boolean
  readonly truncation?: unknown
  readonly padding?: unknown
  readonly ids: number[]
  readonly decoded_skip_special: string
}

describe.each([
  ['gpt-2', 'bytelevel-bpe-gpt2'],
  ['qwen2', 'bytelevel-bpe-split'],
  ['bert', 'wordpiece-uncased'],
])('the tokenizer %s, from a GGUF', (kind, folder) => {
  const { encodings } = goldenJson<{ encodings: GoldenEncoding[] }>('tokenizers', folder, 'expected.json')
  // Qwen's texts are normalised first, those of the golden are not.
  const plain = encodings.filter(
    ({ text, padding, truncation }) =>
      padding === undefined && truncation === undefined && (kind !== 'qwen2' || text === text.normalize('NFC')),
  )

  test('gives the ids and texts of the tokenizer that it was made of', async () => {
    const tokenizer = await AutoTokenizer.fromPretrained(goldenPath('gguf', `tokenizer-${kind}.gguf`))
    expect(plain.length).toBeGreaterThan(20)
    for (const { name, text, pair, add_special_tokens, ids, decoded_skip_special } of plain) {
      const encoding = tokenizer.encode(text, { pair, addSpecialTokens: add_special_tokens })
      expect(encoding.ids, name).toEqual(ids)
      expect(tokenizer.decode(ids), name).toBe(decoded_skip_special)
    }
  })
})

describe('a tokenizer of SentencePiece, from a GGUF', () => {
  const load = AutoTokenizer.fromPretrained(goldenPath('gguf', 'tokenizer-llama.gguf'))
  const encodings = goldenJson<{ text: string; ids: number[]; decoded: string }[]>('gguf', 'tokenizer-llama.json')

  // Before a text that begins with a token of the model's maker SentencePiece alone puts a space; llama.cpp and transformers put one behind it.
  test.each(encodings.filter(({ text }) => !text.startsWith('<|')))('$text', async ({ text, ids, decoded }) => {
    const tokenizer = await load
    expect(tokenizer.encode(text, { addSpecialTokens: false }).ids).toEqual(ids)
    expect(tokenizer.decode(ids)).toBe(decoded)
  })

  test('begins texts with the begin token, where the file says so', async () => {
    expect((await load).encode('a').ids[0]).toBe(1)
  })

  test('brings its chat template', async () => {
    const { text } = await (await load).applyChatTemplate([{ role: 'user', content: 'a' }])
    expect(text).toBe('<s>a</s>')
  })
})

describe('refused is', () => {
  const open = (keys: number, build: (bytes: GgufBytes) => GgufBytes) => {
    const bytes = build(new GgufBytes().start(0, keys + 1).entry('general.architecture', 'bert')).done()
    return AutoTokenizer.fromPretrained(new GgufFolder(memoryFolder(new Map([['m.gguf', bytes]])), 'm.gguf'))
  }
  const tokens = (bytes: GgufBytes) => bytes.text('tokenizer.ggml.tokens').uint32(9).uint32(8).uint64(1).text('a')

  test('a kind that is not known', async () => {
    const made = open(2, (bytes) => tokens(bytes).entry('tokenizer.ggml.model', 'rwkv'))
    await expect(made).rejects.toMatchObject({ code: 'gguf-tokenizer' })
    await expect(made).rejects.toThrow(/gpt2, llama, bert/)
  })

  test('a pre-tokenizer that is not known', async () => {
    const made = open(3, (bytes) =>
      tokens(bytes).entry('tokenizer.ggml.model', 'gpt2').entry('tokenizer.ggml.pre', 'unheard-of'),
    )
    await expect(made).rejects.toMatchObject({ code: 'gguf-tokenizer' })
    await expect(made).rejects.toThrow(/llama-bpe/)
  })

  test('a list that does not fit the tokens', async () => {
    const made = open(
      3,
      (bytes) =>
      tokens(bytes)
        .entry('tokenizer.ggml.model', 'llama')
        .text('tokenizer.ggml.scores').uint32(9).uint32(6).uint64(2).uint32(0).uint32(0), // prettier-ignore
    )
    await expect(made).rejects.toMatchObject({ code: 'gguf-tokenizer' })
  })

  test('an id beyond the tokens', async () => {
    const made = open(3, (bytes) =>
      tokens(bytes).entry('tokenizer.ggml.model', 'llama').text('tokenizer.ggml.bos_token_id').uint32(4).uint32(7),
    )
    await expect(made).rejects.toMatchObject({ code: 'gguf-tokenizer' })
  })
})
