/**
 * Conversations with a decoder-only model: what it sees of the turns before, and what passages are searched for with.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AbortedError } from '../../src/errors.js'
import { Conversation, PromptReader, Rag } from '../../src/rag/index.js'
import { byteTokenizer, CHATML, writeSmallFolder } from '../support/small-tokenizers.js'

const FRANCE = { title: 'France', text: 'Its capital is Paris.' }
const TEA = { title: '', text: 'Tea is a drink made of leaves.' }
const passages = [TEA, FRANCE]
const FIRST = 'Is tea made of leaves?'
const SECOND = 'And who drinks it?'
const maxNewTokens = 4

const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
const readerOf = (name: string, chatTemplate?: string) =>
  PromptReader.fromPretrained(
    writeSmallFolder(join(root, name), {
      golden: 'qwen3/base',
      tokenizer: byteTokenizer,
      chatTemplate,
      config: { max_position_embeddings: 2048 },
    }),
  )
let rag: Rag<PromptReader>
beforeAll(async () => {
  rag = await Rag.fromPretrained(undefined, { reader: await readerOf('chat', CHATML) })
})
afterAll(() => {
  rag.dispose()
  rag.reader.dispose()
  rmSync(root, { recursive: true })
})

describe('a conversation', () => {
  test('the first question is answered as without one; with the next, the model sees the turn before', async () => {
    const conversation = new Conversation(rag)
    const first = await conversation.ask(FIRST, { passages, maxNewTokens })
    expect(first).toEqual(await rag.ask(FIRST, { passages, maxNewTokens }))
    const second = await conversation.ask(SECOND, { passages, maxNewTokens })
    const alone = await rag.ask(SECOND, { passages, maxNewTokens, query: `${FIRST} ${SECOND}` })
    const turn = `<|im_start|>user\nQuestion: ${FIRST}<|im_end|>\n<|im_start|>assistant\n${first.text}<|im_end|>\n`
    expect(second.prompt).toBe(turn + alone.prompt)
    expect(second.forgotten).toBe(0)
    expect(conversation.turns).toEqual([
      { question: FIRST, answer: first.text },
      { question: SECOND, answer: second.text },
    ])
    conversation.forget()
    expect((await conversation.ask(SECOND, { passages, maxNewTokens })).prompt).not.toContain(FIRST)
  })

  test('passages are searched for with the question and the one before it', async () => {
    const conversation = new Conversation(rag)
    await conversation.ask(FIRST, { passages, maxNewTokens })
    const { passages: found } = await conversation.ask(SECOND, { passages, maxNewTokens })
    const both = await rag.ask(`${FIRST} ${SECOND}`, { passages, maxNewTokens })
    expect(found.map(({ score }) => score)).toEqual(both.passages.map(({ score }) => score))
    expect(found[0].text).toBe(TEA.text)
  })

  test('where the encoder does not read both, it is the question alone', async () => {
    const conversation = new Conversation(rag)
    await conversation.ask(`${'tea '.repeat(200)}?`, { passages, maxNewTokens })
    const long = `${'who '.repeat(100)}?`
    const { passages: found } = await conversation.ask(long, { passages, maxNewTokens })
    const alone = await rag.ask(long, { passages, maxNewTokens })
    expect(found.map(({ score }) => score)).toEqual(alone.passages.map(({ score }) => score))
  })

  test('a question that fails leaves no trace, nor does an empty one hide behind the one before', async () => {
    const conversation = new Conversation(rag)
    await conversation.ask(FIRST, { passages, maxNewTokens })
    const signal = AbortSignal.abort()
    await expect(conversation.ask(SECOND, { passages, maxNewTokens, signal })).rejects.toThrow(AbortedError)
    await expect(conversation.ask(' ', { passages })).rejects.toMatchObject({ code: 'empty-question' })
    expect(conversation.turns).toHaveLength(1)
  })
})

describe('history', () => {
  const history = Array.from({ length: 40 }, (_, i) => ({
    question: `Question ${i}?`,
    answer: `Answer ${i}. ${'x'.repeat(40)}`,
  }))

  test('the last turns that fit are there, and the answer counts the others', async () => {
    const { prompt, forgotten } = await rag.ask(FIRST, { passages, maxNewTokens, history })
    const { maxLength } = rag.reader.model
    const length = (text: string) => rag.reader.tokenizer.encode(text).ids.length
    expect(forgotten).toBeGreaterThan(0)
    expect(history.map(({ answer }) => prompt.includes(answer))).toEqual(history.map((_, i) => i >= forgotten))
    expect(length(prompt)).toBeLessThanOrEqual(maxLength - maxNewTokens)
    const { question, answer } = history[forgotten - 1]
    const before = `<|im_start|>user\nQuestion: ${question}<|im_end|>\n<|im_start|>assistant\n${answer}<|im_end|>\n`
    expect(length(before + prompt)).toBeGreaterThan(maxLength - maxNewTokens)
  })

  test('without a chat template it is plain text', async () => {
    const reader = await readerOf('plain')
    const plain = await Rag.fromPretrained(undefined, { reader })
    const { prompt } = await plain.ask(FIRST, {
      passages,
      maxNewTokens,
      history: [{ question: 'Why?', answer: 'So.' }],
    })
    expect(prompt).toMatch(/^Question: Why\?\n\nAnswer: So\.\n\nContext:\n/)
    plain.dispose()
    reader.dispose()
  })

  test('a turn without an answer is refused, and readers of one passage at a time do not know the option', async () => {
    const turn = { question: 'Why?' } as { question: string; answer: string }
    await expect(rag.ask(FIRST, { passages, history: [turn] })).rejects.toMatchObject({ code: 'bad-option' })
    const mixing = await Rag.fromPretrained()
    await expect(mixing.ask(FIRST, { passages, history: [] } as object)).rejects.toMatchObject({
      code: 'unknown-option',
    })
    mixing.dispose()
  })
})
