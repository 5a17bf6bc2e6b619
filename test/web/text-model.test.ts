import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defaultBackend, type Backend } from '../../src/backends/index.js'
import { memoryFolder } from '../../src/files/folder.js'
import { TextModel } from '../../web/engine/text-model.js'
import { goldenPath } from '../support/goldens.js'

/** A tokenizer of words, for tiny checkpoints that come without one. */
const WORDS = ['<unk>', 'paris', 'is', 'the', 'capital', 'of', 'france']
const TOKENIZER = {
  version: '1.0',
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  added_tokens: [],
  model: { type: 'WordLevel', unk_token: '<unk>', vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])) },
}
const TEXT = 'Paris is the capital of France'
const { signal } = new AbortController()

let backend: Backend
beforeAll(async () => (backend = await defaultBackend()))
afterAll(() => backend?.dispose())

test.each([
  ['gpt2/base', 'decoder.0.self_attention', true],
  ['llama/tied', 'decoder.1.self_attention', true],
  ['qwen3/base', 'decoder.1.self_attention', true],
  ['distilbert/base', 'encoder.1.self_attention', false],
  ['mpnet/base', 'encoder.0.self_attention', false],
])('a dropped %s shows the self-attention of a text', async (golden, attention, causal) => {
  const files = new Map([['tokenizer.json', new TextEncoder().encode(JSON.stringify(TOKENIZER))]])
  for (const file of ['config.json', 'model.safetensors']) files.set(file, readFileSync(goldenPath(golden, file)))
  const named = { name: golden, family: golden, parameters: 0 }
  const model = await TextModel.load(memoryFolder(files), named, { backend })
  const { keys, queries, numHeads, probs } = await model.map(TEXT, attention, signal)
  expect(keys.map(({ start, end }) => TEXT.slice(start, end))).toEqual(TEXT.split(' '))
  expect(queries).toEqual(keys)
  expect(numHeads).toBe(model.info.numHeads)
  expect(probs).toHaveLength(numHeads * 36)
  for (let row = 0; row < numHeads * 6; row++) {
    const at = probs.subarray(row * 6, row * 6 + 6)
    expect(at.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5)
    expect(at.subarray((row % 6) + 1).every((value) => value === 0)).toBe(causal || row % 6 === 5)
  }
  await expect(model.map(' ', attention, signal)).rejects.toMatchObject({ code: 'empty-text' })
  await expect(model.map(TEXT, 'decoder.0.cross_attention', signal)).rejects.toMatchObject({
    code: 'unknown-attention',
  })
  await expect(model.map(`${TEXT} `.repeat(100), attention, signal)).rejects.toMatchObject({ code: 'too-long' })
  model.dispose()
})
