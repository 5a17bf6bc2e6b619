/**
 * What every store does that finds passages by their words, alone and as a half of a hybrid search.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HybridStore, type StoredDocument, type TextSearchStore } from '../../src/rag/index.js'
import { DIMENSION, unit } from './store-contract.js'

/** The vector of axis i, leaning a little towards the first. */
function axis(i: number): Float32Array {
  return unit(Float32Array.from({ length: DIMENSION }, (_, j) => (i === j ? 1 : 0) + (j === 0 ? 0.1 : 0)))
}

const TEXTS = [
  ['The Eiffel Tower', 'It was built of iron in Paris.'],
  ['London', 'The tower of London stands beside a bridge.'],
  ['Tea', 'A drink made of leaves.'],
  ['Model XJ-4711', 'A drill with two gears.'],
  ['Paris', 'The city lies on the Seine.'],
] as const

const DOCUMENTS = TEXTS.map(([title, text], i): StoredDocument => ({
  id: `d${i}`,
  hash: 'h',
  metadata: { number: i },
  passages: [{ id: `p${i}`, title, text, vector: axis(i) }],
}))

/** @param open a store that is empty, of the dimension and encoder of store-contract.ts */
export function textSearchContract(
  name: string,
  open: () => Promise<{ readonly store: TextSearchStore; readonly remove: () => Promise<void> }>,
  tolerance: number,
): void {
  describe(`${name}: what every store does that searches for words`, () => {
    let store: TextSearchStore
    let remove: () => Promise<void>
    beforeEach(async () => {
      ;({ store, remove } = await open())
    })
    afterEach(async () => {
      await store.close()
      await remove()
    })
    const fill = async () => {
      for (const document of DOCUMENTS) await store.upsert(document)
    }
    const find = async (question: string, k = 10, options = {}) =>
      (await store.searchText(question, axis(1), k, options)).map(({ id }) => id)

    test('an empty one finds nothing', async () => {
      expect(await find('tower')).toEqual([])
    })

    test('finds words of title and text in whatever case, best first, and any of them is enough', async () => {
      await fill()
      expect(await find('What is the XJ-4711?')).toContain('p3')
      expect(await find('IRON')).toEqual(['p0'])
      expect((await find('tower iron')).slice(0, 2)).toEqual(['p0', 'p1'])
      expect((await find('Paris seine'))[0]).toBe('p4')
      expect(await find('zebra')).toEqual([])
      expect(await find('tower', 1)).toHaveLength(1)
    })

    test('gives all that is known of a passage, with its dot product', async () => {
      await fill()
      const [hit] = await store.searchText('drill', axis(1), 10)
      const { vector, ...passage } = DOCUMENTS[3].passages[0]
      const dot = vector.reduce((sum, value, i) => sum + value * axis(1)[i], 0)
      expect(hit).toEqual({ ...passage, metadata: { number: 3 }, score: hit.score, textScore: hit.textScore })
      expect(Math.abs(hit.score - dot)).toBeLessThanOrEqual(tolerance)
      expect(hit.textScore).toBeGreaterThan(0)
    })

    test('heeds the filter, and sees what has changed', async () => {
      await fill()
      expect(await find('tower', 10, { filter: { number: [1, 2] } })).toEqual(['p1'])
      await store.upsert({ ...DOCUMENTS[2], passages: [{ ...DOCUMENTS[2].passages[0], text: 'A zebra.' }] })
      await store.delete(['d1'])
      expect(await find('zebra leaves')).toEqual(['p2'])
      expect(await find('tower')).toEqual(['p0'])
    })

    test('what is wrong is refused', async () => {
      await fill()
      const search = (vector: Float32Array, k: number, options = {}) => store.searchText('tower', vector, k, options)
      await expect(search(new Float32Array(3), 1)).rejects.toMatchObject({ code: 'shape-mismatch' })
      await expect(search(axis(1).fill(NaN), 1)).rejects.toMatchObject({ code: 'not-finite' })
      await expect(search(axis(1), 0)).rejects.toMatchObject({ code: 'bad-k' })
      await expect(search(axis(1), 1, { filter: { a: [] } })).rejects.toMatchObject({ code: 'bad-filter' })
      await expect(search(axis(1), 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
      expect(await find('tower')).toHaveLength(2)
    })

    test('as a hybrid ranks by both, and shows every number', async () => {
      await fill()
      const hybrid = new HybridStore(store)
      const [hits] = await hybrid.search([axis(2)], 10, { questions: ['iron gears'] })
      // nearest: p2, then p0 and the others; by words: p0 and p3
      const near = (await store.search([axis(2)], 10))[0].map(({ id }) => id)
      const worded = await store.searchText('iron gears', axis(2), 10)
      expect(worded.map(({ id }) => id).sort()).toEqual(['p0', 'p3'])
      const rank = (ids: readonly string[], id: string) => (ids.includes(id) ? 1 / (61 + ids.indexOf(id)) : 0)
      expect(hits).toHaveLength(5)
      for (const { id, score, scores, ranks } of hits) {
        const word = worded.find((hit) => hit.id === id)
        const rrf =
          rank(near, id) +
          rank(
            worded.map((hit) => hit.id),
            id,
          )
        expect(scores).toEqual({ ...(word && { text: word.textScore }), rrf })
        expect(ranks).toEqual({
          dot: near.indexOf(id) + 1,
          ...(word && { text: worded.indexOf(word) + 1 }),
          rrf: hits.findIndex((hit) => hit.id === id) + 1,
        })
        const { vector } = DOCUMENTS[Number(id.slice(1))].passages[0]
        const dot = vector.reduce((sum, value, i) => sum + value * axis(2)[i], 0)
        expect(Math.abs(score - dot)).toBeLessThanOrEqual(tolerance)
      }
      expect(hits[0].id).toBe('p0')
      expect(hits.map(({ scores }) => scores!.rrf)).toEqual(
        hits.map(({ scores }) => scores!.rrf).sort((a, b) => b! - a!),
      )
      expect((await hybrid.search([axis(2)], 2, { questions: ['iron gears'] }))[0]).toEqual(hits.slice(0, 2))
    })

    test('as a hybrid wants the questions, and is otherwise the store', async () => {
      const hybrid = new HybridStore(store, { candidates: 2 })
      await hybrid.upsert(DOCUMENTS[0])
      expect(await hybrid.size()).toBe(1)
      expect(hybrid).toMatchObject({ dimension: DIMENSION, encoder: store.encoder })
      for await (const stamp of hybrid.documents()) expect(stamp).toEqual({ id: 'd0', hash: 'h' })
      await expect(hybrid.search([axis(1)], 1)).rejects.toMatchObject({ code: 'no-questions' })
      await expect(hybrid.search([axis(1)], 1, { questions: [] })).rejects.toMatchObject({ code: 'no-questions' })
      await hybrid.delete(['d0'])
      expect(await store.size()).toBe(0)
      expect(() => new HybridStore(store, { candidates: 0 })).toThrow(/candidates is 0/)
    })
  })
}
