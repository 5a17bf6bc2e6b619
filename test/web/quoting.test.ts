import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wasmBackend, type WasmBackend } from '../../src/backends/index.js'
import { Rag, Reader, type QuotingReader } from '../../src/rag/index.js'
import { nextStop } from '../../web/attention/next-stop.js'
import { describeModel } from '../../web/engine/describe.js'
import { quote } from '../../web/engine/quoting.js'
import { Walker } from '../../web/engine/walk.js'
import { whyOf } from '../../web/panels/quoting.js'
import { around, scoreShade, spanTokens } from '../../web/panels/span-scores.js'
import type { Quoting, Scene, Token, Walk } from '../../web/protocol.js'
import { weightsPath } from '../support/weights.js'

const TEXT = 'Its capital is  Paris.'
const token = (text: string, start: number): Token => ({ id: 0, text, part: 'text', start, end: start + text.length })
const MARK: Token = { id: 0, text: '[CLS]', part: 'mark', start: 0, end: 0 }

test('a strip has the passage’s own words, in the right case and with their spaces, and marks its best span', () => {
  const tokens = [MARK, token('its', 0), token('capital', 4), token('is', 12), token('par', 16), token('is', 19), token('.', 21)] // prettier-ignore
  const reading = {
    passage: 1,
    tokens: [...tokens, MARK],
    first: 1,
    starts: [1, 2, 3, 4, 5, 6],
    ends: [0, 0, 0, 0, 9, 0],
  }
  const span = { start: 16, end: 21, text: 'Paris', startScore: 0, endScore: 1, score: 1, probability: 1, quote: { start: 0, end: 22, text: TEXT }, overlap: 1, fit: 1 } // prettier-ignore
  const spans = [
    { ...span, passage: 0, start: 0 },
    { ...span, passage: 1 },
  ]
  const strip = spanTokens(reading, TEXT, { spans })
  expect(strip.map(({ text, apart }) => (apart ? ' ' : '') + text).join('')).toBe(' Its capital is Paris.')
  expect(strip.filter(({ marked }) => marked).map(({ text }) => text)).toEqual(['Par', 'is'])
  expect(strip[4]).toMatchObject({ start: 5, end: 9 })
})

test('a score of 0, that of no answer, has half the colour', () => {
  expect(scoreShade(0)).toBe(0.5)
  expect(scoreShade(-30)).toBe(0)
  expect(scoreShade(30)).toBe(1)
  expect(scoreShade(1)).toBeGreaterThan(scoreShade(-1))
})

test('a text is cut around its span', () => {
  expect(around('abcde', { start: 1, end: 3 })).toEqual(['a', 'bc', 'de'])
})

test('keys go along a row and no further', () => {
  expect(['ArrowRight', 'ArrowLeft', 'Home', 'End', 'Tab'].map((key) => nextStop(key, 1, 3))).toEqual([2, 0, 0, 2, undefined]) // prettier-ignore
  expect(nextStop('ArrowRight', 2, 3)).toBeUndefined()
  expect(nextStop('ArrowLeft', 0, 3)).toBeUndefined()
})

test('what is given is said with both probabilities', () => {
  const walk = { answer: { mode: 'conditioned' } } as Walk
  const given = (kind: 'said' | 'quoted' | 'refused', said: number, quoted: number): Quoting['given'] => ({
    kind,
    text: "I don't know.",
    judged: { worded: 'x', said, quoted, minProbability: 0.5, preferSaid: 1 },
  })
  expect(whyOf(0.3, given('said', 0.8, 0.3), walk)).toMatch(
    /^The worded answer is given: 80\.0.% worded, 30\.0.% quoted/,
  )
  expect(whyOf(0.9, given('quoted', 0.8, 0.9), walk)).toMatch(/^The quote is given: 80\.0.% worded, 90\.0.% quoted/)
  expect(whyOf(0.3, given('refused', 0.2, 0.3), walk)).toMatch(/^Neither is given: .* needs 50\.0.%.*“I don't know\.”$/)
  expect(whyOf(0.3, undefined, walk)).toContain('yours words the answer')
  expect(whyOf(0.3, undefined, { answer: { mode: 'rag-token' } } as Walk)).toContain('in the mode rag-token')
})

describe('the span reader on a walk', () => {
  let backend: WasmBackend
  let reader: Reader
  let rag: Rag
  beforeAll(async () => {
    backend = await wasmBackend({ threads: 1 })
    rag = await Rag.fromPretrained(weightsPath(), { backend })
    reader = await Reader.fromPretrained(weightsPath('reader'), { backend })
  })
  afterAll(() => {
    reader?.dispose()
    rag?.dispose()
    backend?.dispose()
  })

  test('says what Rag.ask says, number for number', async () => {
    const scene: Scene = {
      question: 'What is the capital of France?',
      passages: [
        { id: 'fr', title: 'France', text: 'France is a country in Europe. Its capital is Paris.' },
        { id: 'tea', title: '', text: 'Tea is a drink made of leaves.' },
      ],
      served: false,
      topK: 5,
      mode: 'conditioned',
      dropped: [],
      scores: {},
      ablated: [],
    }
    const { signal } = new AbortController()
    const info = describeModel(reader.model, reader.tokenizer, { name: '', family: 't5', parameters: 0 })
    const models = { reader, retriever: await rag.retriever(), info: { reader: info } }
    const walked = await new Walker(models as never).walk(scene, { onWriting: () => {}, signal })
    const loaded = { reader: rag.reader as QuotingReader, info }
    const { quoting } = await quote({ isDefault: true, quoting: async () => loaded }, walked, () => {}, signal)
    const asked = await rag.ask(scene.question, { passages: scene.passages, topK: scene.topK })
    expect(quoting.quotes).toEqual(asked.quotes)
    expect(quoting.given).toEqual({ kind: asked.kind, text: asked.text, judged: asked.judged })
    expect(asked.probability).toBe(Math.max(asked.judged!.said, asked.judged!.quoted))
    const { tokens } = quoting.readings[0]
    expect(tokens.map(({ text }) => text).join('')).toBe('[CLS] what is the capital of france ?[SEP] france . france is a country in europe. its capital is paris.[SEP]') // prettier-ignore
    expect(new Set(tokens.map(({ part }) => part))).toEqual(new Set(['mark', 'question', 'title', 'text']))
  })
})
