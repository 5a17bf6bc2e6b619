import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AbortedError, InputError } from '../../../src/errors.js'
import { Reranker } from '../../../src/rag/index.js'
import { ALL_BACKENDS } from '../../support/backends.js'
import { goldenTensors } from '../../support/goldens.js'
import { words, wordTokenizer, writeSmallFolder } from '../../support/small-tokenizers.js'

const GOLDEN = 'bert/sequence-classification'
const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
const folder = writeSmallFolder(join(root, 'bert'), { golden: GOLDEN, tokenizer: wordTokenizer })
afterAll(() => rmSync(root, { recursive: true }))

/** The recorded pairs: a question is segment 0 and a passage segment 1. */
async function recordedPairs() {
  const golden = await goldenTensors(GOLDEN, 'expected.safetensors')
  const [rows, width] = golden.ids('input_ids').shape
  const row = (name: string, r: number) => [
    ...golden
      .ids(name)
      .toArray()
      .slice(r * width, (r + 1) * width),
  ]
  const scores = [...golden.float('logits').toArray()]
  return Array.from({ length: rows }, (_, r) => {
    const [ids, segment, mask] = [row('input_ids', r), row('token_type_ids', r), row('attention_mask', r)]
    const part = (wanted: number) => words(ids.filter((_, i) => segment[i] === wanted && mask[i] === 1))
    return { question: part(0), passage: { text: part(1) }, score: scores[r] }
  })
}

describe.each(ALL_BACKENDS)('a BERT cross-encoder on $name', ({ create }) => {
  let reranker: Reranker
  beforeAll(async () => {
    reranker = await Reranker.fromPretrained(folder, { backend: await create() })
  })

  test('gives the scores of transformers, whatever else is in the batch', async () => {
    const pairs = await recordedPairs()
    expect(pairs.length).toBeGreaterThan(1)
    for (const { question, passage, score } of pairs) {
      const others = [{ text: words([7]) }, { text: words([9, 8, 7, 6, 5, 4, 3, 40, 41, 42, 43, 44]) }]
      for (const batchSize of [1, 32]) {
        const ranked = await reranker.rerank(question, [others[0], passage, others[1]], { batchSize })
        expect(ranked).toHaveLength(3)
        expect(ranked.find(({ text }) => text === passage.text)!.score).toBeCloseTo(score, 4)
        expect(ranked.map((one) => one.score)).toEqual(ranked.map((one) => one.score).sort((a, b) => b - a))
      }
    }
  })
})

describe('a reranker', () => {
  let reranker: Reranker
  beforeAll(async () => {
    reranker = await Reranker.fromPretrained(folder)
  })
  const passages = [5, 17, 60, 99].map((id) => ({
    id: `p${id}`,
    title: words([id]),
    text: words([id + 1, 3]),
    kept: id,
  }))

  test('keeps what a passage has, and gives the topK best', async () => {
    const all = await reranker.rerank(words([11, 12]), passages)
    expect(all.map(({ kept }) => kept).sort((a, b) => a - b)).toEqual([5, 17, 60, 99])
    expect(await reranker.rerank(words([11, 12]), passages, { topK: 2 })).toEqual(all.slice(0, 2))
  })

  test('reads the title before the text, as one text', async () => {
    const apart = await reranker.rerank(words([11]), [{ title: words([5]), text: words([6]) }])
    const together = await reranker.rerank(words([11]), [{ text: `${words([5])}. ${words([6])}` }])
    expect(apart[0].score).toBe(together[0].score)
  })

  test('cuts a passage that is longer than the model reads', async () => {
    const ids = Array.from({ length: 100 }, (_, i) => 3 + (i % 80))
    const [long] = await reranker.rerank(words([11, 12]), [{ text: words(ids) }])
    const [cut] = await reranker.rerank(words([11, 12]), [{ text: words(ids.slice(0, 38)) }]) // of 40 positions
    expect(long.score).toBeCloseTo(cut.score, 6)
  })

  test('gives nothing of nothing', async () => {
    expect(await reranker.rerank('w1', [])).toEqual([])
  })

  test.each<[string, string, object, string]>([
    ['an empty question', ' ', {}, 'the question is empty'],
    ['a question that is too long', words(new Array<number>(41).fill(5)), {}, 'the text has 41 tokens, at most 40 fit'],
    ['topK 0', 'w1', { topK: 0 }, 'rerank: topK is 0, expected a whole number of 1 or more'],
    ['batchSize 1.5', 'w1', { batchSize: 1.5 }, 'rerank: batchSize is 1.5'],
  ])('refuses %s', async (_name, question, options, message) => {
    const ranked = reranker.rerank(question, passages, options)
    await expect(ranked).rejects.toBeInstanceOf(InputError)
    await expect(ranked).rejects.toThrow(message)
  })

  test('says how far it is, and stops between batches', async () => {
    const steps: [number, number][] = []
    const controller = new AbortController()
    await reranker.rerank('w1', passages, { batchSize: 3, onProgress: (...step) => steps.push(step) })
    expect(steps).toEqual([[3, 4], [4, 4]]) // prettier-ignore
    const { signal } = controller
    const stopped = reranker.rerank('w1', passages, { batchSize: 1, signal, onProgress: () => controller.abort() })
    await expect(stopped).rejects.toBeInstanceOf(AbortedError)
  })

  test('has one label: other classifiers are refused', async () => {
    const golden = 'roberta/sequence-classification'
    const other = writeSmallFolder(join(root, 'roberta'), { golden, tokenizer: wordTokenizer })
    await expect(Reranker.fromPretrained(other)).rejects.toMatchObject({
      code: 'not-a-reranker',
      message: expect.stringContaining('a classifier with 3 labels') as string,
    })
  })
})
