import { describe, expect, test } from 'vitest'
import { JsonObject } from '../../../src/files/json.js'
import { memoryFolder } from '../../../src/files/folder.js'
import { Calibration, calibrationOf, storedCalibration } from '../../../src/rag/reading/calibration.js'
import { judgementOf } from '../../../src/rag/reading/quoting-reader.js'
import { quoteSignals, rankQuotes } from '../../../src/rag/reading/quote-ranking.js'
import { checkedSignals, proposalSignals } from '../../../src/rag/reading/signals.js'
import type { SpanAnswer } from '../../../src/rag/reading/span-answer.js'

const configOf = (content: unknown) =>
  calibrationOf(
    memoryFolder(new Map([['config.json', new TextEncoder().encode(JSON.stringify(content))]])),
    ['logit', 'similarity'],
    0.5,
  )
const rag = (settings: unknown) => configOf({ task_specific_params: { rag: settings } })

describe('a calibration', () => {
  test('is a logistic regression', () => {
    const calibration = new Calibration(-1, new Map([['a', 2], ['b', -0.5]])) // prettier-ignore
    expect(calibration.probability({ a: 1, b: 3, c: 100 })).toBeCloseTo(1 / (1 + Math.exp(0.5)), 12)
    expect(calibration.probability({ a: 1e6, b: 0 })).toBe(1)
    expect(calibration.probability({ a: -1e6, b: 0 })).toBe(0)
  })
  test('takes the share at its word where nothing was learnt', () => {
    expect(new Calibration().probability({ logit: Math.log(0.3 / 0.7) })).toBeCloseTo(0.3, 12)
  })
  test('of an unknown signal is refused', () => {
    const run = () => new Calibration(0, new Map([['hue', 1]])).probability({ a: 1, b: 2 })
    expect(run).toThrow('a calibration has the signal "hue"; known are a, b')
    expect(run).toThrow(expect.objectContaining({ code: 'unknown-signal' }) as Error)
  })
})

describe('config.json', () => {
  test('may say nothing', async () => {
    for (const config of [{}, { task_specific_params: null }, { task_specific_params: {} }])
      expect(await configOf(config)).toEqual({ calibration: new Calibration(), minProbability: 0.5 })
    expect(await rag({ min_probability: 0.2 })).toMatchObject({ minProbability: 0.2 })
  })
  test.each([
    [{ min_probability: 1.1 }, 'config-type', '"min_probability" is 1.1, expected a number from 0 to 1'],
    [{ min_probability: '1' }, 'config-type', '"min_probability" is "1"'],
    [{ calibration: { logit: 1 } }, 'config-missing', '"bias" is missing'],
    [{ calibration: { bias: 1, logit: null } }, 'config-missing', '"logit" is missing'],
    [{ calibration: { bias: 1, logit: 'x' } }, 'config-type', '"logit" is "x"'],
    [{ calibration: { bias: 1, hue: 1 } }, 'unknown-signal', 'unknown signal "hue"; known: logit, similarity'],
    [{ calibration: [1] }, 'config-type', 'expected a JSON object'],
    [7, 'config-type', 'expected a JSON object'],
  ])('%j is refused', async (settings, code, message) => {
    await expect(rag(settings)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string })
    await expect(rag(settings)).rejects.toThrow('config.json')
  })
})

test.each([
  [{ said: { bias: 0 }, worded: { bias: 0 } }, 'config-missing'],
  [{ min_probability: 2, said: { bias: 0 } }, 'config-type'],
  [{ min_probability: 0.5 }, 'config-type'],
  [{ min_probability: 0.5, said: { bias: 'x' } }, 'config-type'],
  [{ min_probability: 0.5, said: { bias: 0, lead: 1 } }, 'unknown-signal'],
  [{ min_probability: 0.5, prefer_said: 0.5, said: { bias: 0 }, quoted: { bias: 0 } }, 'config-unknown'],
  [{ min_probability: 0.5, prefer_said: 0.5, said: { bias: 0 }, worded: { bias: 0 } }, 'config-missing'],
  [{ min_probability: 0.5, prefer_said: 0.5, said: { bias: 0 }, worded: { bias: 0 }, own_words: [7] }, 'config-type'],
])('calibration.json of %j is refused', (content, code) => {
  const read = () => judgementOf(new JsonObject(content as never, 'calibration.json'))
  expect(read).toThrow(expect.objectContaining({ code }) as Error)
  expect(read).toThrow('calibration.json')
})

test('a stored calibration has its names as signals', () => {
  const { bias, weights } = storedCalibration(new JsonObject({ bias: 1, a: 2, b: -3 }, 'x'), ['b', 'c', 'a'])
  expect([bias, ...weights]).toEqual([1, ['a', 2], ['b', -3]])
})

describe('signals', () => {
  const passages = [
    { id: '1', title: 'France', text: 'Its capital is Paris.', score: 0.7 },
    { id: '2', title: '', text: 'Nothing.', score: 0.2 },
  ]
  const span = { passage: 0, start: 15, end: 20, startScore: 1, endScore: 2, score: 3, probability: 0.6 }

  test('of a quote', () => {
    const quoted = {
      ...span,
      text: 'Paris',
      quote: { start: 0, end: 21, text: passages[0].text },
      overlap: 0.4,
      fit: 3,
    }
    const rival = { ...quoted, passage: 1, fit: 1 }
    const question = 'What are the capitals of France and Spain?'
    expect(quoteSignals(question, passages, [quoted, { ...quoted, fit: 2 }, rival], { pNoAnswer: 0.25 })).toEqual({
      fit: 3,
      logit: expect.closeTo(Math.log(0.6 / 0.4), 10) as number,
      score: 3,
      answerable: expect.closeTo(Math.log(3), 10) as number,
      lead: 2,
      similarity: 0.7,
      quoted: 0.4,
      overlap: expect.closeTo(2 / 3, 10) as number, // capital(s), France, not Spain
    })
    expect(quoteSignals('Who?', passages, [quoted], { pNoAnswer: 0 })).toMatchObject({ lead: 5, overlap: 0, answerable: expect.closeTo(Math.log(1e6), 4) as number }) // prettier-ignore
  })

  test('the row of a table that has the rare words of the question goes before one with a better score', () => {
    const text = 'level: ERROR; value: 40\n\nlevel: WARNING; value: 30'
    const table = [{ id: '1', title: 'Levels', text, score: 0.5 }]
    const spanOf = (word: string, score: number) => {
      const start = text.indexOf(word)
      return { ...span, start, end: start + word.length, score }
    }
    const spans = [spanOf('30', 5), spanOf('40', 4)]
    const order = (weights: [string, number][]) =>
      rankQuotes('Which value has the level ERROR?', table, spans, new Calibration(0, new Map(weights)))
    const [first] = order([['score', 1], ['overlap', 10]]) // prettier-ignore
    expect(first).toMatchObject({ text: '40', quote: { text: 'level: ERROR; value: 40' }, overlap: 1 })
    expect(first.fit).toBeCloseTo(14, 10)
    expect(order([['score', 1]])[0].text).toBe('30')
    expect(order([['score', 1], ['similarity', 2]])[1].fit).toBeCloseTo(5, 10) // prettier-ignore
  })

  test('of an answer that is worded', () => {
    const proposal = { text: 'The capital is Lyon.', logProb: Math.log(0.2), pAnswerable: 0.9, passage: 0 }
    expect(proposalSignals(proposal, passages)).toEqual({
      logit: expect.closeTo(Math.log(0.25), 10) as number,
      answerable: expect.closeTo(Math.log(9), 10) as number,
      similarity: 0.7,
    })
    const quotes = { pNoAnswer: 0.5, spans: [{ ...span, text: 'Paris' }] } as unknown as SpanAnswer
    expect(checkedSignals(proposal, 'What is its capital?', passages, quotes)).toMatchObject({ span: 0, agreement: 0, supported: 0.5, overlap: 1 }) // prettier-ignore
    const none = { pNoAnswer: 1, spans: [] } as unknown as SpanAnswer
    expect(checkedSignals(proposal, 'Who?', passages, none)).toMatchObject({ agreement: 0 })
  })
})
