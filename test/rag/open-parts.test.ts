/**
 * The parts of an answer that a program can look at by itself: passes that are watched or changed, text that comes while it is written,
 * distributions, vectors and scores.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Rag, Retriever, weighPassages, SCORE_SCALE, type RagMode } from '../../src/rag/index.js'
import { rowMajor } from '../../src/tensor/ops/float.js'
import { ablateHead, record } from '../../src/trace/index.js'

const QUESTION = 'What is the capital of France?'
const PASSAGES = [
  { id: 'fr', title: 'France', text: 'France is a country in Europe. Its capital is Paris.' },
  { id: 'jp', title: 'Japan', text: 'Japan is a country in Asia. Its capital is Tokyo.' },
]
const MODES: readonly RagMode[] = ['conditioned', 'rag-sequence', 'rag-token']

let rag: Rag
beforeAll(async () => (rag = await Rag.fromPretrained()))
afterAll(() => rag?.dispose())

describe('ask', () => {
  test.each(MODES)('with hooks that only look gives the same %s answer, and shows every passage', async (mode) => {
    const plain = await rag.ask(QUESTION, { passages: PASSAGES, mode })
    const { output, trace } = await record(
      (hooks) => rag.ask(QUESTION, { passages: PASSAGES, mode, hooks }),
      ['encoder.0.self_attention.out', 'decoder.0.cross_attention.out', 'logits'],
    )
    expect(output.text).toBe(plain.text)
    expect(output.logProb).toBeCloseTo(plain.logProb, 6)
    expect(trace.get('encoder.0.self_attention.out')!.map(({ shape }) => shape[0])).toEqual([2]) // read once
    for (const { shape } of trace.get('logits')!) expect(shape[0]).toBe(2)
  })

  test.each(MODES)(
    'with a head taken out gives another %s answer, as the pieces that it is made of do',
    async (mode) => {
      const hooks = [0, 1, 2, 3].map((head) => ablateHead('decoder.1.cross_attention', head))
      const plain = await rag.ask(QUESTION, { passages: PASSAGES, mode })
      const changed = await rag.ask(QUESTION, { passages: PASSAGES, mode, hooks })
      expect(Math.abs(changed.logProb - plain.logProb)).toBeGreaterThan(1e-3)

      const { reader } = rag
      const weighed = weighPassages(changed.passages)
      const reading = await reader.read(QUESTION, weighed, { hooks })
      expect((await reader.answerFrom(reading, QUESTION, weighed, { mode, hooks })).logProb).toBe(changed.logProb)
    },
  )

  test('gives what the best passage answers while it is written', async () => {
    const pieces: string[] = []
    const { passages } = await rag.ask(QUESTION, { passages: PASSAGES, onText: (piece) => pieces.push(piece) })
    expect(pieces.length).toBeGreaterThan(3)
    expect(pieces.join('')).toBe(passages[0].answer)
  })
})

test('the weights of the mixture are the priors, or what abstaining leaves of them', async () => {
  for (const mode of MODES) {
    const { passages } = await rag.ask(QUESTION, { passages: PASSAGES, mode })
    const left = passages.map(({ prior, pAbstain }) => prior * (1 - pAbstain))
    const total = left[0] + left[1]
    passages.forEach(({ weight, prior }, z) => {
      expect(weight).toBeCloseTo(mode === 'conditioned' ? left[z] / total : prior, 10)
    })
  }
})

test('passages are weighed by the softmax of their scaled scores', () => {
  const [first, second] = weighPassages(PASSAGES.map((passage, i) => ({ ...passage, score: i / 10 })))
  expect(second.logPrior - first.logPrior).toBeCloseTo(SCORE_SCALE / 10, 10)
  expect(Math.exp(first.logPrior) + Math.exp(second.logPrior)).toBeCloseTo(1, 10)
})

test('distributions sum to 1 and hold the scores of the tokens', async () => {
  const reading = await rag.reader.read(QUESTION, PASSAGES)
  const { ids } = rag.reader.tokenizer.encode('The capital of France is Paris.')
  const logProbs = await reading.logProbs(ids)
  const [passages, tokens, vocabulary] = logProbs.shape
  expect([passages, tokens]).toEqual([2, ids.length])
  const scores = await reading.score(ids)
  for (let z = 0; z < passages; z++) {
    for (let t = 0; t < tokens; t++) {
      const row = rowMajor(logProbs).subarray((z * tokens + t) * vocabulary, (z * tokens + t + 1) * vocabulary)
      expect(row.reduce((sum, logProb) => sum + Math.exp(logProb), 0)).toBeCloseTo(1, 4)
      expect(scores[z][t]).toBe(row[ids[t]])
    }
  }
})

test.each(['float32', 'int8'] as const)(
  'a %s retriever: vectors, dot products and what is retrieved are of one index',
  async (dtype) => {
    const retriever = await Retriever.build(rag.encoder, PASSAGES, { dtype })
    const question = await retriever.embed(QUESTION)
    const found = await retriever.search(question, 2)
    expect(found).toEqual(await retriever.retrieve(QUESTION, 2))
    for (const { id, score } of found) {
      const vector = retriever.index.vector(PASSAGES.findIndex((passage) => passage.id === id))
      expect(vector.reduce((sum, value, i) => sum + value * question[i], 0)).toBeCloseTo(score, 5)
    }
    await expect(retriever.embed(' ')).rejects.toThrow('the question is empty')
  },
)
