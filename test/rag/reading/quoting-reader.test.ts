import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Seq2SeqLM } from '../../../src/models/index.js'
import { ABSTENTION, Rag, Reader, SpanReader, type RagMode } from '../../../src/rag/index.js'
import { weighPassages } from '../../../src/rag/rag.js'
import { Calibration } from '../../../src/rag/reading/calibration.js'
import { QuotingReader } from '../../../src/rag/reading/quoting-reader.js'
import type { Reading } from '../../../src/rag/reading/reading.js'
import type { SpanAnswer } from '../../../src/rag/reading/span-answer.js'
import { AutoTokenizer, type Tokenizer } from '../../../src/tokenizer/index.js'
import { changedFolder } from '../../support/folders.js'
import { weightsPath } from '../../support/weights.js'

let tokenizer: Tokenizer
beforeAll(async () => {
  tokenizer = await AutoTokenizer.fromPretrained(weightsPath('reader'))
})
afterEach(() => vi.restoreAllMocks())

const QUESTION = 'What is the capital of France?'
const PASSAGES = weighPassages([
  { id: '1', title: 'France', text: 'Its capital is Paris.', score: 0.6 },
  { id: '2', title: 'Tea', text: 'Tea is a drink.', score: 0.5 },
])
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** p(text|passage), the same for both passages. */
const reading = (answer: string, probabilities: Readonly<Record<string, number>>) =>
  ({
    inputIds: [[], []],
    answers: async () => [0, 1].map(() => ({ ids: [], text: answer })),
    score: async (ids: readonly number[]) => {
      const logProb = Math.log(probabilities[tokenizer.decode(ids)])
      return [0, 1].map(() => ids.map((_, t) => (t === 0 ? logProb : 0)))
    },
    readTo: [],
  }) as unknown as Reading

/** A calibration that says one probability, whatever it is asked. */
const always = (probability: number) => new Calibration(Math.log(probability / (1 - probability)), new Map())

function readerWith({
  said = 0.5,
  quoted = 0.5,
  shares = [0.6, 0.1],
  pNoAnswer = 0.3,
  none = false,
  text = 'capital',
}) {
  const start = PASSAGES[0].text.indexOf(text)
  const span = { passage: 0, start, end: start + text.length, text, startScore: 0.5, endScore: 0.5, score: 1, probability: shares[0], quote: { start: 0, end: 21, text: PASSAGES[0].text }, overlap: 1, fit: 1 } // prettier-ignore
  const answer = {
    question: QUESTION,
    text: none ? ABSTENTION : PASSAGES[0].text,
    mode: 'span',
    abstained: none,
    probability: none ? 0 : quoted,
    pNoAnswer,
    spans: none ? [] : [span],
    agreeing: [],
    differing: [],
    passages: PASSAGES.map(({ logPrior, ...passage }, z) => ({
      ...passage,
      prior: Math.exp(logPrior),
      share: shares[z],
    })),
  } satisfies SpanAnswer
  const quoting = { answer: vi.fn(async (): Promise<SpanAnswer> => answer), dispose: vi.fn() }
  const model = { dispose: vi.fn() }
  const plain = new Reader(model as unknown as Seq2SeqLM, tokenizer)
  const judgement = { said: always(said), worded: always(said), minProbability: 0.4, preferSaid: 1, ownWords: [] }
  const reader = new QuotingReader(plain, quoting as unknown as SpanReader, judgement)
  vi.spyOn(reader, 'read').mockImplementation(async () => reading(ABSTENTION, { [ABSTENTION]: 0.99 })) // of the quote alone
  return { reader, plain, quoting, model, answer }
}
const LIKELY = { 'Paris.': 0.9, [ABSTENTION]: 0.1 }

describe('the likelier of both answers is given, or neither', () => {
  test.each([
    ['said', 0.8, 0.7, undefined, 'Paris.', 0.8],
    ['said', 0.7, 0.7, undefined, 'Paris.', 0.7],
    ['quoted', 0.6, 0.7, undefined, 'Its capital is Paris.', 0.7],
    ['quoted', 0.3, 0.5, undefined, 'Its capital is Paris.', 0.5],
    ['refused', 0.3, 0.35, undefined, ABSTENTION, 0.35],
    ['refused', 0.35, 0.3, undefined, ABSTENTION, 0.35],
    ['quoted', 0.3, 0.35, 0, 'Its capital is Paris.', 0.35],
    ['said', 0.35, 0.3, 0, 'Paris.', 0.35],
    ['refused', 0.99, 0.9, 1, ABSTENTION, 0.99],
  ] as const)(
    '%s with p(said right) %d, p(quote right) %d, at least %s',
    async (kind, said, quoted, minProbability, text, probability) => {
      // prettier-ignore
      const { reader, quoting } = readerWith({ said, quoted })
      const answer = await reader.answerFrom(reading('Paris.', LIKELY), QUESTION, PASSAGES, { ...(minProbability !== undefined && { minProbability }) }) // prettier-ignore
      expect(answer).toMatchObject({ kind, text, abstained: kind === 'refused' })
      expect(answer.probability).toBeCloseTo(probability, 10)
      expect(answer.quotes?.spans).toHaveLength(1)
      expect(sum(answer.passages.map(({ posterior }) => posterior))).toBeCloseTo(1, 10)
      expect(answer.tokens.map(({ text }) => text).join('')).toBe(kind === 'quoted' ? '' : text)
      expect(quoting.answer).toHaveBeenCalledTimes(1)
    },
  )

  test('a worded answer that says what the quote says goes before it, and is as likely', async () => {
    const { reader } = readerWith({ said: 0.3, quoted: 0.8, text: 'Paris' })
    const answer = await reader.answerFrom(reading('Paris.', LIKELY), QUESTION, PASSAGES)
    expect(answer).toMatchObject({ kind: 'said', text: 'Paris.' })
    expect(answer.probability).toBeCloseTo(0.8, 10)
  })

  test('a quote has the shares of its passages', async () => {
    const { reader } = readerWith({ said: 0.1, quoted: 0.9 })
    const answer = await reader.answerFrom(reading('Paris.', LIKELY), QUESTION, PASSAGES)
    expect(answer.passages.map(({ posterior }) => posterior)).toEqual([expect.closeTo(6 / 7, 10), expect.closeTo(1 / 7, 10)]) // prettier-ignore
    expect(answer.pAnswerable).toBeCloseTo(0.7, 10)
    expect(answer.logProb).toBeCloseTo(Math.log(0.6), 10)
  })

  test("a passage that was quoted with its neighbour is the answer's, too, unless another text of it was read", async () => {
    const text = 'It is a country. Its capital is Paris.'
    const source = { file: 'f', headingPath: [], start: 0, end: text.length }
    const [paris, none] = [reading('Paris.', LIKELY), reading(ABSTENTION, { [ABSTENTION]: 0.99, 'Paris.': 0.01 })]
    for (const [kind, said, own, ofQuote, isLonger] of [
      ['quoted', 0.1, paris, none, true],
      ['said', 0.9, none, paris, true],
      ['said', 0.9, paris, none, false],
    ] as const) {
      const { reader, quoting, answer } = readerWith({ said, quoted: 0.5 })
      vi.spyOn(reader, 'read').mockResolvedValue(ofQuote)
      const [first, second] = answer.passages
      quoting.answer.mockResolvedValue({ ...answer, passages: [{ ...first, text, source }, second] })
      const { passages, quotes, ...given } = await reader.answerFrom(own, QUESTION, PASSAGES)
      expect(given.kind).toBe(kind)
      expect(quotes!.passages[0]).toMatchObject({ text, source })
      expect(passages[0].text).toBe(isLonger ? text : PASSAGES[0].text)
      expect(passages[0].source).toBe(isLonger ? source : undefined)
      expect(passages[1]).not.toHaveProperty('source')
    }
  })

  test('one whose share is next to nothing has finite numbers, too', async () => {
    const { reader } = readerWith({ quoted: 0.9, shares: [3e-18, 1e-18], pNoAnswer: 1 })
    const answer = await reader.answerFrom(reading('Paris.', LIKELY), QUESTION, PASSAGES)
    expect(answer.passages.map(({ posterior }) => posterior)).toEqual([expect.closeTo(0.75, 10), expect.closeTo(0.25, 10)]) // prettier-ignore
  })

  test('where nothing can be said or quoted it is refused, whatever is asked for', async () => {
    const { reader } = readerWith({ none: true, pNoAnswer: 1, shares: [0, 0] })
    for (const minProbability of [0, 0.5, 1]) {
      const answer = await reader.answerFrom(reading(ABSTENTION, { [ABSTENTION]: 0.9 }), QUESTION, PASSAGES, { minProbability }) // prettier-ignore
      expect(answer).toMatchObject({ kind: 'refused', text: ABSTENTION, probability: 0 })
    }
  })
})

test.each<RagMode>(['rag-sequence'])('%s is as with the reader alone: nothing is quoted', async (mode) => {
  const { reader, plain, quoting } = readerWith({ quoted: 0.99 })
  const from = (one: Reader) => one.answerFrom(reading('Paris.', LIKELY), QUESTION, PASSAGES, { mode })
  const answer = await from(reader)
  expect(answer).toEqual(await from(plain))
  expect(answer.probability).toBeCloseTo(0.9, 10)
  expect(answer).not.toHaveProperty('quotes')
  expect(quoting.answer).not.toHaveBeenCalled()
})

test("keeps the reader's format, and gives back both models", () => {
  const format = () => 'x'
  const { quoting, model } = readerWith({})
  const judgement = { said: always(0.5), worded: always(0.5), minProbability: 0.4, preferSaid: 1, ownWords: [] }
  const plain = new Reader(model as unknown as Seq2SeqLM, tokenizer, { format })
  const reader = new QuotingReader(plain, quoting as unknown as SpanReader, judgement)
  expect(reader.format).toBe(format)
  reader.dispose()
  expect(model.dispose).toHaveBeenCalledTimes(1)
  expect(quoting.dispose).toHaveBeenCalledTimes(1)
})

describe('the reader of a folder', () => {
  const parts = () => {
    const reader = { dispose: vi.fn(), model: {}, tokenizer: {} }
    const quoting = { dispose: vi.fn() }
    const load = vi.spyOn(Reader, 'fromPretrained').mockResolvedValue(reader as unknown as Reader)
    const loadQuoting = vi.spyOn(SpanReader, 'fromPretrained').mockResolvedValue(quoting as unknown as SpanReader)
    return { reader, quoting, load, loadQuoting }
  }
  const open = (calibration: unknown) =>
    Rag.fromPretrained(changedFolder(weightsPath(), 'calibration.json', calibration))
  const JUDGEMENT = { min_probability: 0.25, prefer_said: 1, own_words: ['is'], said: { bias: 0 }, worded: { bias: 0 } }

  test('words answers alone where nothing says how to choose', async () => {
    const { reader, loadQuoting } = parts()
    const rag = await open(undefined)
    expect(rag.reader).toBe(reader)
    expect(loadQuoting).not.toHaveBeenCalled()
    rag.dispose()
    expect(reader.dispose).toHaveBeenCalledTimes(1)
  })

  test('quotes, too, where calibration.json says how to choose', async () => {
    const { quoting } = parts()
    const rag = await open(JUDGEMENT)
    expect(rag.reader).toBeInstanceOf(QuotingReader)
    expect(rag.reader).toMatchObject({ quoting, minProbability: 0.25 })
  })

  test('an unusable calibration.json is refused before either model is loaded', async () => {
    const { load, loadQuoting } = parts()
    await expect(open({ ...JUDGEMENT, said: 1 })).rejects.toMatchObject({ code: 'config-type' })
    await expect(open('{')).rejects.toMatchObject({ code: 'not-json' })
    expect(load).not.toHaveBeenCalled()
    expect(loadQuoting).not.toHaveBeenCalled()
  })

  test('where the second cannot be loaded the first is given back', async () => {
    const { reader, loadQuoting } = parts()
    loadQuoting.mockRejectedValue(new Error('no such folder'))
    await expect(open(JUDGEMENT)).rejects.toThrow('no such folder')
    expect(reader.dispose).toHaveBeenCalledTimes(1)
  })
})
