/**
 * The default pipeline with its real weights: what its second reader, which quotes, leaves as it is, and what it asks of a question.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { InputError } from '../../src/errors.js'
import { QuotingReader, Rag, Reader, weighPassages } from '../../src/rag/index.js'
import { weightsPath } from '../support/weights.js'

let rag: Rag
beforeAll(async () => (rag = await Rag.fromPretrained()))
afterAll(() => rag?.dispose())
afterEach(() => vi.restoreAllMocks())

describe.each(['What is the capital of France?', 'Who wrote Hamlet?'])('%s', (question) => {
  test.each(['rag-sequence', 'rag-token'] as const)('%s is that of the reader that words answers', async (mode) => {
    expect(rag.reader).toBeInstanceOf(QuotingReader)
    const plain = await Reader.fromPretrained(weightsPath('reader'))
    const passages = weighPassages(await rag.retrieve(question))
    const answer = await rag.ask(question, { mode, sources: true })
    expect(answer).toEqual(await plain.answer(question, passages, { mode, sources: true }))
    expect(answer).not.toHaveProperty('quotes')
    plain.dispose()
  })
})

describe('a question that leaves no room for a passage beside it', () => {
  const question = 'the '.repeat(300) // a token each, and three special ones
  const asked = { query: 'What is tea?', passages: [{ text: 'Tea is a drink.' }] }

  test('is refused before anything is computed', async () => {
    const computed = [vi.spyOn(rag.encoder, 'embed'), vi.spyOn(rag.reader, 'read')]
    for (const asking of [rag.ask(question, asked), rag.reader.answer(question, [])]) {
      await expect(asking).rejects.toBeInstanceOf(InputError)
      await expect(asking).rejects.toMatchObject({
        code: 'too-long',
        message:
          'the question has 303 tokens with the special ones, and a reader of 384 tokens takes at most 288; shorten it',
      })
    }
    for (const compute of computed) expect(compute).not.toHaveBeenCalled()
  })

  test('is read where nothing is quoted', async () => {
    const { text } = await rag.ask(question, { ...asked, mode: 'rag-sequence' })
    expect(text).not.toBe('')
  })
})
