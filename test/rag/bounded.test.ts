/** What one question can cost at most: each text is measured in the tokens of the model that it meets, before any pass. */
import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { InputError } from '../../src/errors.js'
import type { SpanReader } from '../../src/rag/index.js'
import { Rag, Reader, type RagMode } from '../../src/rag/index.js'
import type { QuotingReader } from '../../src/rag/reading/quoting-reader.js'

const FRANCE = { title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }
const QUESTION = 'What is the capital of France?'

const HOSTILE: readonly (readonly [string, string])[] = [
  ['1,000 letters', 'a'.repeat(1000)],
  ['2,000 letters', 'a'.repeat(2000)],
  ['4,000 letters', 'a'.repeat(4000)],
  ['60,000 letters', 'a'.repeat(60_000)],
  ['a million letters', 'a'.repeat(1_000_000)],
  ['20,000 words', 'word '.repeat(20_000)],
  ['spaces around a word', `${' '.repeat(60_000)}a`],
]

let rag: Rag
beforeAll(async () => {
  rag = await Rag.fromPretrained()
  return () => rag.dispose()
})
afterEach(() => vi.restoreAllMocks())

describe('a question that is too long is refused before any pass', () => {
  test.each(HOSTILE)('%s', async (_, question) => {
    const passes = [vi.spyOn(rag.reader.model, 'encode'), vi.spyOn(rag.encoder, 'embed')]
    for (const mode of ['conditioned', 'rag-sequence', 'rag-token'] satisfies RagMode[]) {
      const error: unknown = await rag.ask(question, { mode }).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(InputError)
      expect((error as InputError).code).toBe('too-long')
      expect((error as InputError).message).toMatch(/\d+ (tokens|characters).*\d+/)
    }
    for (const pass of passes) expect(pass).not.toHaveBeenCalled()
  })

  test('the message has both lengths in the tokens of the model', async () => {
    await expect(rag.ask('a'.repeat(1000))).rejects.toThrow(
      'the question has 1001 tokens with the special ones, and a reader of 1024 tokens takes at most 512 beside a passage; shorten it',
    )
  })

  test('where a reader is asked directly, too', async () => {
    const question = 'a'.repeat(4000)
    const pass = vi.spyOn(rag.reader.model, 'encode')
    await expect(rag.reader.read(question, [FRANCE])).rejects.toThrow('the question has 4001 tokens')
    expect(pass).not.toHaveBeenCalled()
  })
})

describe('a passage of any length is read as far as the reader goes, and that is said', () => {
  const long = { title: 'France', text: `${FRANCE.text} ${'a'.repeat(300_000)}` }

  test('by the reader that words answers, and by the one that quotes', async () => {
    const encode = vi.spyOn(rag.reader.model, 'encode')
    const answer = await rag.ask(QUESTION, { passages: [long, FRANCE], sources: true })
    for (const [{ inputIds }] of encode.mock.calls) {
      for (const row of inputIds as number[][]) expect(row.length).toBeLessThanOrEqual(rag.reader.model.maxLength)
    }
    const [cut, whole] = ['aaa', 'Europe'].map((part) =>
      answer.passages.find(({ text }) => (part === 'aaa') === text.includes('aaa')),
    )
    expect(cut!.readTo).toBeGreaterThan(FRANCE.text.length)
    expect(cut!.readTo).toBeLessThan(10_000)
    expect(whole).not.toHaveProperty('readTo')
    expect(answer.text).toContain('Paris')
    const reader = rag.reader as QuotingReader
    const quotes = await reader.quoting.answer(QUESTION, [{ ...long, id: '1', score: 1, logPrior: 0 }])
    expect(quotes.passages[0].readTo).toBe(32_768)
    expect(quotes.spans[0].text).toContain('Paris')
  })

  test('an answer behind the first thousand characters is quoted, at its place', async () => {
    const quoting: SpanReader = (rag.reader as QuotingReader).quoting
    const filler = 'Tea is made of leaves and hot water in a small red pot. '.repeat(150) // 8,400 characters: the second piece
    const text = filler + FRANCE.text
    const { spans, passages } = await quoting.answer(QUESTION, [{ id: '1', title: '', text, score: 1, logPrior: 0 }])
    expect(spans[0].start).toBeGreaterThan(8192)
    for (const { start, end, text: found } of spans) expect(text.slice(start, end)).toBe(found)
    expect(FRANCE.text).toContain(spans[0].text)
    expect(passages[0]).not.toHaveProperty('readTo')
  })

  test('a title without end leaves no room', async () => {
    const passages = [{ title: 'a'.repeat(60_000), text: 'b' }]
    await expect(rag.ask(QUESTION, { passages, mode: 'rag-sequence' })).rejects.toThrow(
      "a passage's title has 60000 characters, which leaves no room in a reader of 1024 tokens",
    )
  })

  test('a limit of the checkpoint goes before the default', async () => {
    const model = rag.reader.model
    const { maxLength } = model
    Object.assign(model, { maxLength: 64 })
    onTestFinished(() => void Object.assign(model, { maxLength }))
    const reader = new Reader(model, rag.reader.tokenizer)
    const encode = vi.spyOn(model, 'encode')
    const { readTo } = await reader.read(QUESTION, [{ title: '', text: 'tea and water '.repeat(100) }])
    expect((encode.mock.calls[0][0].inputIds as number[][])[0].length).toBeLessThanOrEqual(64)
    expect(readTo[0]).toBeGreaterThan(100)
    expect(() => reader.checkQuestion('a'.repeat(40))).toThrow('takes at most 32')
  })
})

test('the encoder tells what fits without reading a text of any length', () => {
  expect(rag.encoder.fits('a word '.repeat(100))).toBe(true)
  expect(rag.encoder.fits('a word '.repeat(200))).toBe(false)
  expect(rag.encoder.fits('a'.repeat(1_000_000))).toBe(false)
})
