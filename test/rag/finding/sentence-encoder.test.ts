import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AbortedError, InputError } from '../../../src/errors.js'
import { SentenceEncoder } from '../../../src/rag/index.js'
import { BACKENDS } from '../../support/backends.js'
import { countingFolder, changedFolder } from '../../support/folders.js'
import { goldenJson, goldenTensors } from '../../support/goldens.js'
import { words, wordTokenizer, writeSmallFolder } from '../../support/small-tokenizers.js'
import { weightsPath } from '../../support/weights.js'

const { sentences } = goldenJson<{
  sentences: { text: string; tokens_before_truncation: number; input_ids: number[] }[]
}>('real/minilm/case.json')
const MINILM = weightsPath('all-MiniLM-L6-v2')
/** The oracle had the original float32 weights, ours are narrowed to float16 (test/goldens/README.md). */
const FLOAT16 = 2.5e-4

function expectVectors(got: Float32Array, wanted: readonly number[], tolerance: number): void {
  expect(got).toHaveLength(wanted.length)
  const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i])), 0)
  expect(worst).toBeLessThanOrEqual(tolerance)
}

describe.each(BACKENDS)('all-MiniLM-L6-v2 on $name', ({ create }) => {
  let encoder: SentenceEncoder
  beforeAll(async () => {
    encoder = await SentenceEncoder.fromPretrained(MINILM, { backend: await create() })
  })

  test('embeds as sentence-transformers does', async () => {
    const golden = await goldenTensors('real/minilm/expected.safetensors')
    const vectors = await encoder.embed(
      sentences.map(({ text }) => text),
      { truncate: true, batchSize: 1 }, // one text is long, and would make the others of its batch as long
    )
    expectVectors(vectors, golden.float('mean_normalized').toArray(), FLOAT16)
  })

  test('reads the ids of the oracle, and refuses what the oracle cut', () => {
    for (const { text, tokens_before_truncation, input_ids } of sentences) {
      if (tokens_before_truncation <= 256) expect(encoder.tokenize(text)).toEqual(input_ids)
      else
        expect(() => encoder.tokenize(text)).toThrow(`the text has ${tokens_before_truncation} tokens, at most 256 fit`)
    }
    expect(sentences.some(({ tokens_before_truncation }) => tokens_before_truncation > 256)).toBe(true)
  })

  test('gives a text the same vector in every batch', async () => {
    const texts = ['Tea.', 'A man is playing guitar.', 'The cat sits outside, and the dog sits inside the house.']
    const together = await encoder.embed(texts)
    for (const batchSize of [1, 2]) expectVectors(await encoder.embed(texts, { batchSize }), [...together], 1e-6)
    const reversed = await encoder.embed([...texts].reverse())
    expectVectors(reversed.slice(0, 384), [...together.slice(2 * 384)], 1e-6)
  })

  test('has vectors of length 1', async () => {
    const vector = await encoder.embed(['Any text.'])
    expect(Math.hypot(...vector)).toBeCloseTo(1, 6)
  })

  test('cuts a longer text where it is told to, and only there', async () => {
    const long = 'word '.repeat(300)
    await expect(encoder.embed([long])).rejects.toThrow(InputError)
    const [cut, whole] = [await encoder.embed([long], { truncate: true }), await encoder.embed(['word '.repeat(254)])]
    expectVectors(cut, [...whole], 1e-6)
  })

  test('says how far it is, and stops between batches', async () => {
    const texts = ['one', 'two', 'three', 'four', 'five']
    const steps: [number, number][] = []
    await encoder.embed(texts, { batchSize: 2, onProgress: (...step) => steps.push(step) })
    expect(steps).toEqual([[2, 5], [4, 5], [5, 5]]) // prettier-ignore

    const controller = new AbortController()
    const embedded = encoder.embed(texts, {
      batchSize: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    })
    await expect(embedded).rejects.toBeInstanceOf(AbortedError)
  })

  test('gives no vectors for no texts, and refuses a batch of none', async () => {
    expect(await encoder.embed([])).toHaveLength(0)
    await expect(encoder.embed(['a'], { batchSize: 0 })).rejects.toThrow('embed: batchSize is 0')
  })
})

describe('a plain encoder, with the pooling that is asked for, gives what transformers gives', () => {
  describe.each([
    ['bert/base', 'expected.single.safetensors'],
    ['distilbert/base', 'expected.safetensors'],
  ])('%s', (golden, file) => {
    const folder = writeSmallFolder(mkdtempSync(join(tmpdir(), 'glassformer-')), { golden, tokenizer: wordTokenizer })
    afterAll(() => rmSync(folder, { recursive: true }))
    test.each([
      ['pooling.mean', { pooling: 'mean' }],
      ['pooling.mean_normalized', { pooling: 'mean', normalize: true }],
      ['pooling.cls', { pooling: 'cls' }],
      ['pooling.cls_normalized', { pooling: 'cls', normalize: true }],
    ] as const)('%s', async (name, options) => {
      const tensors = await goldenTensors(golden, file)
      const [ids, mask] = [tensors.ids('input_ids').toArray(), tensors.ids('attention_mask').toArray()]
      const [rows, width] = tensors.ids('input_ids').shape
      const texts = Array.from({ length: rows }, (_, row) =>
        words([...ids.slice(row * width, (row + 1) * width)].filter((_, i) => mask[row * width + i] === 1)),
      )
      const encoder = await SentenceEncoder.fromPretrained(folder, options)
      expectVectors(await encoder.embed(texts), [...tensors.float(name).toArray()], 1e-4)
    })

    test('and says what is missing where none is', async () => {
      const load = SentenceEncoder.fromPretrained(folder)
      await expect(load).rejects.toThrow('for a plain encoder say which pooling: mean or cls')
      const wrong = SentenceEncoder.fromPretrained(folder, { pooling: 'max' as never })
      await expect(wrong).rejects.toThrow('pooling is "max", expected one of mean, cls')
    })
  })
})

test('of the checkpoint, the pooling layer is not read', async () => {
  const { folder, reads } = countingFolder(MINILM)
  await SentenceEncoder.fromPretrained(folder)
  const bytes = reads.get('model.safetensors')!.reduce((sum, { start, end }) => sum + end - start, 0)
  const pooler = 2 * (384 * 384 + 384) // float16
  const { length } = readFileSync(weightsPath('all-MiniLM-L6-v2/model.safetensors'))
  expect(bytes).toBe(length - pooler)
})

describe('a folder that is no sentence encoder is refused before its weights are opened', () => {
  const module = (type: string, path = '') => ({
    idx: 0,
    name: '0',
    path,
    type: `sentence_transformers.models.${type}`,
  })
  const transformer = module('Transformer')
  const pooling = module('Pooling', '1_Pooling')
  test.each<[string, string, unknown, string, string]>([
    ['no modules.json', 'modules.json', undefined, 'file-not-found', 'there is no modules.json'],
    ['modules that are no list', 'modules.json', {}, 'config-type', 'expected a list'],
    ['a module that is no object', 'modules.json', ['x'], 'config-type', 'expected a JSON object'],
    ['only a transformer', 'modules.json', [transformer], 'unsupported-modules', 'steps Transformer; supported are'],
    ['a dense layer', 'modules.json', [transformer, pooling, module('Dense')], 'unsupported-modules', 'Dense'],
    ['steps in another order', 'modules.json', [pooling, transformer], 'unsupported-modules', 'Pooling, Transformer'],
    ...['../1_Pooling', '/etc', 'a/../../b', '..', '..\\x'].map((path): [string, string, unknown, string, string] => [
      `a pooling in ${path}`,
      'modules.json',
      [transformer, module('Pooling', path)],
      'unsupported-modules',
      'is not a part of this folder',
    ]),
    ['no pooling', '1_Pooling/config.json', undefined, 'file-not-found', 'which describes the pooling'],
    [
      'a pooling that is not supported',
      '1_Pooling/config.json',
      { word_embedding_dimension: 384, pooling_mode_max_tokens: true },
      'unsupported-pooling',
      'pooling_mode_max_tokens; supported is one of',
    ],
    [
      'two poolings at once',
      '1_Pooling/config.json',
      { word_embedding_dimension: 384, pooling_mode_mean_tokens: true, pooling_mode_cls_token: true },
      'unsupported-pooling',
      'pooling_mode_mean_tokens, pooling_mode_cls_token',
    ],
    [
      'vectors of another length than the states',
      '1_Pooling/config.json',
      { word_embedding_dimension: 2 ** 40, pooling_mode_mean_tokens: true },
      'config-type',
      'vectors of 1099511627776 from a model whose states have 384',
    ],
    ['a model of another kind', 'config.json', { model_type: 'llama', hidden_size: 384 }, 'unknown-family', 'llama'],
    ['a length of 0', 'sentence_bert_config.json', { max_seq_length: 0 }, 'config-type', '"max_seq_length" is 0'],
  ])('%s', async (_name, file, content, code, message) => {
    const load = SentenceEncoder.fromPretrained(changedFolder(MINILM, file, content))
    await expect(load).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string })
  })
})
