import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FlatFileStore, HybridStore, Rag, Reranker, type StoredDocument } from '../../src/rag/index.js'
import { words, wordTokenizer, writeSmallFolder } from '../support/small-tokenizers.js'

const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
const folder = writeSmallFolder(join(root, 'bert'), {
  golden: 'bert/sequence-classification',
  tokenizer: wordTokenizer,
})
const QUESTION = words([11, 12])
/** Words of the small vocabulary, since the weights of the cross-encoder are noise. */
const PASSAGES = [5, 17, 23, 31, 48, 60, 77].map((id) => ({ id: `p${id}`, title: '', text: words([id, id + 1, 3]) }))

describe('a pipeline with a reranker', () => {
  let reranker: Reranker
  let plain: Rag
  let rag: Rag
  beforeAll(async () => {
    reranker = await Reranker.fromPretrained(folder)
    plain = await Rag.fromPretrained()
    rag = await Rag.fromPretrained(undefined, { reranker })
  })
  afterAll(() => {
    for (const held of [rag, plain, reranker]) held.dispose()
    rmSync(root, { recursive: true })
  })

  test('reads its choice of all that was found; the prior is the softmax of its logits, the score stays the dot product', async () => {
    const { passages } = await rag.ask(QUESTION, { passages: PASSAGES, topK: 3 })
    const ranked = await reranker.rerank(QUESTION, PASSAGES)
    expect(passages.map(({ id }) => id)).toEqual(ranked.slice(0, 3).map(({ id }) => id))
    const sum = ranked.slice(0, 3).reduce((total, { score }) => total + Math.exp(score), 0)
    const dots = (await plain.ask(QUESTION, { passages: PASSAGES, topK: 7 })).passages
    expect((await rag.retrieve(QUESTION, { passages: PASSAGES, topK: 3 })).map(({ id }) => id)).toEqual(
      passages.map(({ id }) => id),
    )
    for (const [i, { id, prior, score, scores, ranks }] of passages.entries()) {
      expect(ranks).toEqual({ dot: dots.findIndex((passage) => passage.id === id) + 1, reranker: i + 1 })
      expect(scores!.reranker).toBeCloseTo(ranked[i].score, 5)
      expect(prior).toBeCloseTo(Math.exp(ranked[i].score) / sum, 6)
      expect(score).toBe(dots.find((passage) => passage.id === id)!.score)
    }
  })

  test('chooses among as many as it is told', async () => {
    const nearest = (await plain.ask(QUESTION, { passages: PASSAGES, topK: 3 })).passages.map(({ id }) => id)
    const { passages } = await rag.ask(QUESTION, { passages: PASSAGES, topK: 3, candidates: 3 })
    expect(passages.map(({ id }) => id).sort()).toEqual([...nearest].sort())
  })

  test('shows the numbers of every stage over a hybrid store', async () => {
    const encoder = rag.encoder
    const store = await FlatFileStore.openForWriting(join(root, 'my.index'), {
      encoder: await encoder.identity(),
      dimension: encoder.dimension,
    })
    const vectors = await encoder.embed(PASSAGES.map(({ text }) => text))
    for (const [i, passage] of PASSAGES.entries()) {
      const vector = vectors.slice(i * encoder.dimension, (i + 1) * encoder.dimension)
      const document: StoredDocument = { id: passage.id, hash: '', passages: [{ ...passage, vector }] }
      await store.upsert(document)
    }
    const hybrid = await Rag.fromPretrained(undefined, { index: new HybridStore(store), reranker })
    const question = words([17, 48])
    const { passages } = await hybrid.ask(question, { topK: 7 })
    for (const [i, { id, scores, ranks }] of passages.entries()) {
      const stages = ['p17', 'p48'].includes(id) ? ['reranker', 'rrf', 'text'] : ['reranker', 'rrf']
      expect(Object.keys(scores!).sort()).toEqual(stages)
      expect(ranks).toMatchObject({ dot: expect.any(Number), reranker: i + 1 })
    }
    const fused = [...passages].sort((a, b) => b.scores!.rrf! - a.scores!.rrf!)
    expect(fused.map(({ ranks }) => ranks!.rrf)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(await hybrid.retrieve(question, { topK: 3 })).toEqual(
      (await hybrid.retrieve(question, { topK: 7 })).slice(0, 3),
    )
    expect(passages.map(({ scores }) => scores!.reranker)).toEqual(
      (await reranker.rerank(question, PASSAGES)).map(({ score }) => score),
    )
    hybrid.dispose()
    await store.close()
  })

  test('candidates are a whole number that leaves topK, and for a reranker', async () => {
    const ask = (options: object) => rag.ask(QUESTION, { passages: PASSAGES, ...options })
    await expect(ask({ candidates: 4 })).rejects.toMatchObject({ code: 'bad-option' })
    await expect(ask({ candidates: 5.5 })).rejects.toMatchObject({ code: 'bad-option' })
    await expect(plain.ask(QUESTION, { passages: PASSAGES, candidates: 10 })).rejects.toThrow(/is for a reranker/)
    await expect(rag.retrieve(QUESTION, { mode: 'rag-token' } as object)).rejects.toMatchObject({
      code: 'unknown-option',
    })
  })
})
