import { describe, expect, test } from 'vitest'
import { referenceBackend } from '../../src/backends/index.js'
import { textPieces, TextStreamer } from '../../src/generation/index.js'
import { T5ForConditionalGeneration } from '../../src/models/index.js'
import { AutoTokenizer } from '../../src/tokenizer/index.js'
import { goldenPath } from '../support/goldens.js'
import { fileURLToPath } from 'node:url'

const TEXTS = ['The capital of France is Paris.', 'naïve café — 東京 🗼👩‍👩‍👧 end', '  two  spaces\n\nand lines ', '🎉', '']
const FOLDERS = ['bytelevel-bpe-bart', 'bytelevel-bpe-gpt2', 'bytelevel-bpe-split', 'unigram-t5', 'wordpiece-uncased']

describe.each(FOLDERS)('pieces of text from %s', (folder) => {
  test.each(TEXTS)('%j: they join to the decoded text and split no character', async (text) => {
    const tokenizer = await AutoTokenizer.fromPretrained(goldenPath('tokenizers', folder))
    const { ids } = tokenizer.encode(text)
    const streamer = new TextStreamer(tokenizer)
    const pieces = [...ids.map((id) => streamer.put(id)), streamer.end()]
    const whole = tokenizer.decode(ids)
    expect(pieces.join('')).toBe(whole)
    if (!whole.includes('\ufffd'))
      for (const piece of pieces) expect(piece.isWellFormed() && !piece.includes('\ufffd')).toBe(true)
  })
})

test('bytes that never become a character come at the end', () => {
  const bytes = { decode: (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids)) }
  const streamer = new TextStreamer(bytes)
  expect([0x61, 0xe6, 0x9d, 0xb1, 0xf0, 0x9f].map((byte) => streamer.put(byte))).toEqual(['a', '', '', '東', '', ''])
  expect(streamer.end()).toBe('\ufffd')
})

test('a streamed generation is the generated text', async () => {
  const folder = fileURLToPath(new URL('../../weights/reader', import.meta.url))
  const model = await T5ForConditionalGeneration.fromPretrained(folder, { backend: referenceBackend() })
  const tokenizer = await AutoTokenizer.fromPretrained(folder)
  const inputIds = [tokenizer.encode('France / The capital of France is Paris. // What is the capital of France?').ids]
  const options = { maxNewTokens: 20 }
  const pieces: string[] = []
  for await (const piece of textPieces(model.stream({ inputIds }, options), tokenizer)) pieces.push(piece)
  const { sequences } = await model.generate({ inputIds }, options)
  expect(pieces.length).toBeGreaterThan(3)
  expect(pieces.join('')).toBe(tokenizer.decode(sequences[0]))
})
