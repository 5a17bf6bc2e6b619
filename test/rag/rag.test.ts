import { readFileSync } from 'node:fs'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { AbortedError, InputError } from '../../src/errors.js'
import {
  ABSTENTION,
  CorpusError,
  decodeIndex,
  Rag,
  Reader,
  Retriever,
  type Answer,
  type AskOptions,
  type RagMode,
} from '../../src/rag/index.js'
import type { Reading } from '../../src/rag/reading/reading.js'
import { countingFolder } from '../support/folders.js'
import { WORLD_FACTS, weightsPath } from '../support/weights.js'

const QUESTION = 'What is the capital of France?'
const FRANCE = { title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }
const JAPAN = { title: 'Japan', text: 'Japan is a country in Asia. Its capital is Tokyo.' }
const TEA = { title: 'Tea', text: 'Tea is a drink made of leaves.' }

let rag: Rag
beforeAll(async () => {
  rag = await Rag.fromPretrained()
})
afterEach(() => vi.restoreAllMocks())

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

describe('an answer', () => {
  const modes: readonly RagMode[] = ['conditioned', 'rag-sequence', 'rag-token']
  test.each(modes)('of mode %s is whole: its tokens join to its text, and probabilities sum to 1', async (mode) => {
    const answer = await rag.ask(QUESTION, { passages: [FRANCE, JAPAN, TEA], mode })
    expect(answer).toMatchObject({
      question: QUESTION,
      mode,
      text: 'The capital of France is Paris.',
      abstained: false,
    })
    expect(answer.tokens.map(({ text }) => text).join('')).toBe(answer.text)
    expect(sum(answer.tokens.map(({ logProb }) => logProb))).toBeCloseTo(answer.logProb, 10)
    for (const { posterior } of answer.tokens) {
      expect(posterior).toHaveLength(3)
      expect(sum(posterior)).toBeCloseTo(1, 10)
    }
    expect(sum(answer.passages.map(({ prior }) => prior))).toBeCloseTo(1, 10)
    expect(sum(answer.passages.map(({ posterior }) => posterior))).toBeCloseTo(1, 10)
    expect(answer.passages[0]).toMatchObject({ ...FRANCE, id: '1', answer: answer.text })
    expect(answer.passages[0].posterior).toBeGreaterThan(0.9)
  })

  test('under RAG-Sequence has the log-probability of its candidate, the largest of all', async () => {
    const answer = await rag.ask(QUESTION, { passages: [FRANCE, JAPAN], mode: 'rag-sequence' })
    const chosen = answer.candidates.find(({ text }) => text === answer.text)!
    expect(chosen.logProb).toBeCloseTo(answer.logProb, 8)
    expect(chosen.logProb).toBe(Math.max(...answer.candidates.map(({ logProb }) => logProb)))
    for (const { logProb, logLikelihoods } of answer.candidates) {
      const byHand = sum(logLikelihoods.map((likelihood, z) => answer.passages[z].prior * Math.exp(likelihood)))
      expect(logProb).toBeCloseTo(Math.log(byHand), 8)
    }
  })

  describe('from a reader whose every number is given', () => {
    let rag: Rag // with the reader that words its answers alone
    beforeAll(async () => {
      rag = await Rag.fromPretrained(undefined, { reader: await Reader.fromPretrained(weightsPath('reader')) })
    })
    /** p(text|passage) for the one passage that is read. */
    const readerSays = (answer: string, probabilities: Readonly<Record<string, number>>) =>
      vi.spyOn(rag.reader, 'read').mockResolvedValue({
        inputIds: [[]],
        readTo: [],
        answers: async () => [{ ids: [], text: answer }],
        score: async (ids: readonly number[]) => {
          const logProb = Math.log(probabilities[rag.reader.tokenizer.decode(ids)])
          return [ids.map((_, t) => (t === 0 ? logProb : 0))]
        },
      } as unknown as Reading)
    const ask = (mode?: RagMode) => rag.ask(QUESTION, { passages: [FRANCE], mode })

    test('is to abstain where that is likelier than not', async () => {
      readerSays('Paris.', { 'Paris.': 0.9, [ABSTENTION]: 0.51 })
      const answer = await ask()
      expect(answer).toMatchObject({ text: ABSTENTION, abstained: true })
      expect(answer.pAnswerable).toBeCloseTo(0.49, 10)
      expect(answer.logProb).toBeCloseTo(Math.log(0.51), 10)
    })
    test('is given where it is not, even if the answer itself is less likely than to abstain', async () => {
      readerSays('Paris.', { 'Paris.': 0.1, [ABSTENTION]: 0.4 })
      expect(await ask()).toMatchObject({ text: 'Paris.', abstained: false })
      expect(await ask('rag-sequence')).toMatchObject({ text: ABSTENTION, abstained: true })
    })
    test('is not given where it is less likely than asked for, by default what config.json of the reader says, its end included; the models of the paper give it', async () => {
      expect(rag.reader.minProbability).toBe(0.05)
      readerSays('Paris.', { 'Paris.': 0.049, [ABSTENTION]: 0.4 })
      const answer = await ask()
      expect(answer).toMatchObject({ text: ABSTENTION, abstained: true })
      expect(answer.pAnswerable).toBeCloseTo(0.6, 10)
      expect(answer.logProb).toBeCloseTo(Math.log(0.4), 10)
      const asked = (minProbability: number) => rag.ask(QUESTION, { passages: [FRANCE], minProbability })
      expect(await asked(0.04)).toMatchObject({ text: 'Paris.', abstained: false })
      expect(await asked(0)).toMatchObject({ text: 'Paris.', abstained: false })
      readerSays('Paris.', { 'Paris.': 0.04, [ABSTENTION]: 0.01 })
      expect(await ask('rag-sequence')).toMatchObject({ text: 'Paris.', abstained: false })
    })
    test('is to abstain where the reader writes nothing else', async () => {
      readerSays(ABSTENTION, { [ABSTENTION]: 0.4 })
      const answer = await ask()
      expect(answer).toMatchObject({ text: ABSTENTION, abstained: true })
      expect(answer.candidates).toHaveLength(1)
    })
  })

  test('is the same twice, and beside other questions', async () => {
    const other = 'What is the capital of Japan?'
    const passages = [FRANCE, JAPAN]
    const alone = await rag.ask(QUESTION, { passages })
    const [first, between, second] = await Promise.all([
      rag.ask(QUESTION, { passages }),
      rag.ask(other, { passages, mode: 'rag-token' }),
      rag.ask(QUESTION, { passages }),
    ])
    expect(first).toEqual(alone)
    expect(second).toEqual(alone)
    expect(between.text).toBe('The capital of Japan is Tokyo.')
  })

  test('holds as many tokens as asked for at most', async () => {
    const answer = await rag.ask(QUESTION, { passages: [FRANCE], maxNewTokens: 3, mode: 'rag-token' })
    expect(answer.tokens).toHaveLength(3)
    expect('The capital of France is Paris.'.startsWith(answer.text)).toBe(true)
  })
})

describe('own passages', () => {
  test('need neither title nor id', async () => {
    const { text, passages } = await rag.ask(QUESTION, { passages: [{ text: TEA.text }, { text: FRANCE.text }] })
    expect(text).toBe('The capital of France is Paris.')
    expect(passages.map(({ id, title }) => ({ id, title }))).toEqual([
      { id: '2', title: '' },
      { id: '1', title: '' },
    ])
  })
  test('are all that is read: the corpus is not opened', async () => {
    const { folder, reads } = countingFolder(weightsPath(''))
    const own = await Rag.fromPretrained(folder)
    await own.ask(QUESTION, { passages: [FRANCE], maxNewTokens: 1 })
    expect([...reads.keys()].filter((file) => file.startsWith('world-facts'))).toEqual([])
    await own.retriever()
    expect([...reads.keys()]).toContain('world-facts/index.bin')
  })
  test('are read up to topK, best first', async () => {
    const { passages } = await rag.ask(QUESTION, { passages: [TEA, JAPAN, FRANCE], topK: 2 })
    expect(passages.map(({ title }) => title)).toEqual(['France', 'Japan'])
    expect(passages[0].score).toBeGreaterThan(passages[1].score)
  })
  test('are cut for the retriever where they are longer than it reads', async () => {
    const long = { title: 'France', text: `${FRANCE.text} ${'It is a country with many towns. '.repeat(60)}` }
    expect(() => rag.encoder.tokenize(long.text)).toThrow(InputError)
    await rag.ask(QUESTION, { passages: [long], maxNewTokens: 1 })
  })
  test.each<[string, NonNullable<AskOptions['passages']>, string]>([
    ['none', [], 'empty-corpus'],
    ['one with an empty text', [{ text: ' ' }], 'empty-passage'],
    [
      'two of one id',
      [
        { id: 'x', text: 'a' },
        { id: 'x', text: 'b' },
      ],
      'duplicate-id',
    ],
    ['one with the id that another gets by its place', [{ id: '2', text: 'a' }, { text: 'b' }], 'duplicate-id'],
  ])('are refused: %s', async (_name, passages, code) => {
    const answer = rag.ask(QUESTION, { passages })
    await expect(answer).rejects.toBeInstanceOf(CorpusError)
    await expect(answer).rejects.toMatchObject({ code })
  })
})

describe('is refused before anything is computed', () => {
  test.each<[string, string, object, string]>([
    ['an empty question', ' \n', {}, 'the question is empty'],
    [
      'an unknown option',
      QUESTION,
      { topk: 3 },
      'ask: unknown option topk; known: passages, filter, query, topK, candidates, mode, minProbability, maxNewTokens, sources, hooks, onText, signal',
    ],
    ['minProbability 2', QUESTION, { minProbability: 2 }, 'ask: minProbability is 2, expected a number from 0 to 1'],
    ['topK 0', QUESTION, { topK: 0 }, 'ask: topK is 0, expected a whole number of 1 or more'],
    ['topK 1.5', QUESTION, { topK: 1.5 }, 'ask: topK is 1.5'],
    ['topK NaN', QUESTION, { topK: NaN }, 'ask: topK is NaN'],
    ['maxNewTokens -1', QUESTION, { maxNewTokens: -1 }, 'ask: maxNewTokens is -1'],
    [
      'an unknown mode',
      QUESTION,
      { mode: 'best' },
      'ask: mode is "best", expected one of conditioned, rag-sequence, rag-token',
    ],
  ])('%s', async (_name, question, options, message) => {
    const read = vi.spyOn(rag.reader, 'read')
    const answer = rag.ask(question, options)
    await expect(answer).rejects.toBeInstanceOf(InputError)
    await expect(answer).rejects.toThrow(message)
    expect(read).not.toHaveBeenCalled()
  })

  test('a question longer than the encoder reads, with both lengths', async () => {
    const question = `${'capital '.repeat(300)}?`
    await expect(rag.ask(question)).rejects.toMatchObject({
      name: 'InputError',
      code: 'too-long',
      message: 'the text has 303 tokens, at most 256 fit; shorten it or set truncate',
    })
  })
})

describe('a question is cancelled', () => {
  const aborted = { name: 'AbortError', code: 'aborted' }
  test('before it starts', async () => {
    const reason = new Error('no longer wanted')
    const answer = rag.ask(QUESTION, { passages: [FRANCE], signal: AbortSignal.abort(reason) })
    await expect(answer).rejects.toBeInstanceOf(AbortedError)
    await expect(answer).rejects.toMatchObject({ ...aborted, cause: reason })
  })
  test('by a timer, though the engine computes without a pause', async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort())
    await expect(rag.ask(QUESTION, { signal: controller.signal })).rejects.toMatchObject(aborted)
  })
  test('while the answer is written', async () => {
    const controller = new AbortController()
    let steps = 0
    const decode = rag.reader.model.decode.bind(rag.reader.model)
    vi.spyOn(rag.reader.model, 'decode').mockImplementation((...args) => {
      if (++steps === 3) controller.abort()
      return decode(...args)
    })
    await expect(rag.ask(QUESTION, { passages: [FRANCE], signal: controller.signal })).rejects.toMatchObject(aborted)
    expect(steps).toBe(3)
  })
  test('and the next one is answered as ever', async () => {
    const answer = await rag.ask(QUESTION, { passages: [FRANCE] })
    expect(answer.text).toBe('The capital of France is Paris.')
  })
})

describe('the retriever', () => {
  test('of the corpus has the vectors that the encoder makes of the passages', async () => {
    expect((await rag.retriever()).passages).toEqual(WORLD_FACTS)
    const { index } = decodeIndex(new Uint8Array(readFileSync(weightsPath('world-facts/index.bin'))), 'index.bin')
    const rows = Array.from({ length: 12 }, (_, i) => i * 277)
    const fresh = await rag.encoder.embed(rows.map((row) => `${WORLD_FACTS[row].title}. ${WORLD_FACTS[row].text}`))
    const { dimension } = rag.encoder
    rows.forEach((row, i) => {
      const stored = index.vectors.subarray(row * dimension, (row + 1) * dimension)
      stored.forEach((value, d) => {
        const made = fresh[i * dimension + d]
        expect(Math.abs(value - made), `passage ${row}, element ${d}`).toBeLessThanOrEqual(1e-5)
      })
    })
  })

  test('can be another one, saved and opened again', async () => {
    const passages = [FRANCE, JAPAN, TEA].map((passage, i) => ({ id: `own-${i}`, ...passage }))
    const other = await Rag.fromPretrained()
    for (const dtype of ['float32', 'int8'] as const) {
      const built = await Retriever.build(other.encoder, passages, { dtype })
      const opened = Retriever.open(built.save(), passages, other.encoder, 'own.bin')
      expect(await opened.retrieve(QUESTION, 3)).toEqual(await built.retrieve(QUESTION, 3))
      other.use(opened)
      const answer: Answer = await other.ask(QUESTION)
      expect(answer.passages[0].id).toBe('own-0')
    }
  })
})
