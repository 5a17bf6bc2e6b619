/**
 * What every store has to do. The oracle of a search is the dot product with every vector, written out here.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EncoderIdentity, Store, StoredDocument } from '../../src/rag/index.js'
import { randomNumbers } from './random.js'

export const ENCODER: EncoderIdentity = { name: 'tiny', hash: 'a'.repeat(64), pooling: 'mean', normalize: true }
export const DIMENSION = 12

/** A place that a store can be opened at again and again. */
export interface StorePlace {
  open(): Promise<Store>
  remove(): Promise<void>
}

const HOSTILE = [
  `'; DROP TABLE passages; --`,
  '"quoted"',
  'a\\b',
  'emoji 🗼',
  'Zürich\nnew line',
  '__proto__',
  ' ',
  'null',
]

/** Documents with vectors of length 1. */
export function randomDocuments(count: number, seed = 1, prefix = 'doc'): StoredDocument[] {
  const next = randomNumbers(seed)
  return Array.from({ length: count }, (_, d) => {
    const id = `${prefix}-${d}`
    return {
      id,
      hash: `hash-${d}`,
      metadata: {
        language: ['en', 'de', 'fr'][d % 3],
        year: 2000 + (d % 4),
        draft: d % 2 === 0,
        tags: [`t${d % 5}`, 'all', d % 3],
      },
      passages: Array.from({ length: d % 4 }, (_, p) => ({
        id: `${id}#${p + 1}`,
        title: `Title ${d}`,
        text: `Text ${p} of ${id}.`,
        source: {
          file: `${id}.txt`,
          headingPath: ['A', `B${d}`],
          start: p * 10,
          end: p * 10 + 9,
          // not all: the contract holds for passages of before there were places
          ...(p !== 1 && {
            places: [
              [0, 4, p * 10, p + 1],
              [5, 3, p * 10 + 5, p + 2, p * 10 + 9],
            ] as const,
          }),
        },
        vector: unit(Float32Array.from({ length: DIMENSION }, next)),
      })),
    }
  })
}

export function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0)
}

/** @param tolerance how far a score may be off, where vectors are rounded */
export function storeContract(name: string, place: () => Promise<StorePlace>, tolerance: number): void {
  describe(`${name}: what every store does`, () => {
    let at: StorePlace
    let store: Store
    beforeEach(async () => {
      at = await place()
      store = await at.open()
    })
    afterEach(async () => {
      await store.close()
      await at.remove()
    })
    const reopen = async () => {
      await store.close()
      store = await at.open()
    }
    const fill = async (documents: readonly StoredDocument[]) => {
      for (const document of documents) await store.upsert(document)
    }
    const stamps = async () => {
      const found: Record<string, string> = {}
      for await (const { id, hash } of store.documents()) found[id] = hash
      return found
    }
    const queries = (count: number) => {
      const next = randomNumbers(99)
      return Array.from({ length: count }, () => unit(Float32Array.from({ length: DIMENSION }, next)))
    }
    /** Compares with the plain search over the documents, by score, since near scores may change places where vectors are rounded. */
    const expectBest = async (documents: readonly StoredDocument[], k: number, filter?: Record<string, never>) => {
      const asked = queries(5)
      const found = await store.search(asked, k, { filter })
      const all = documents.flatMap(({ passages }) => passages)
      for (const [i, query] of asked.entries()) {
        const best = all.map(({ vector }) => dot(vector, query)).sort((a, b) => b - a)
        expect(found[i]).toHaveLength(Math.min(k, all.length))
        found[i].forEach(({ id, score }, rank) => {
          const { vector } = all.find((passage) => passage.id === id)!
          expect(Math.abs(score - dot(vector, query))).toBeLessThanOrEqual(tolerance)
          expect(Math.abs(score - best[rank])).toBeLessThanOrEqual(2 * tolerance)
        })
      }
    }

    test('one that is empty has no passages, and finds none', async () => {
      expect(await store.size()).toBe(0)
      expect(await stamps()).toEqual({})
      expect(await store.search(queries(2), 3)).toEqual([[], []])
      expect(store).toMatchObject({ dimension: DIMENSION, encoder: ENCODER })
    })

    test('finds the passages with the largest dot products, best first, and all that is known of them', async () => {
      const documents = randomDocuments(20)
      await fill(documents)
      expect(await store.size()).toBe(30)
      await expectBest(documents, 7)
      await expectBest(documents, 100)
      const { vector, ...passage } = documents[7].passages[2]
      const [[hit]] = await store.search([vector], 1)
      expect(hit).toEqual({ ...passage, metadata: documents[7].metadata, score: hit.score })
      expect(Math.abs(hit.score - 1)).toBeLessThanOrEqual(tolerance)
    })

    test('gives a passage by its id, as it is now', async () => {
      const documents = randomDocuments(8)
      await fill(documents)
      await reopen()
      const { metadata, passages } = documents[7]
      const { vector, ...passage } = passages[1]
      expect(vector).toHaveLength(store.dimension)
      expect(await store.passage(passage.id)).toEqual({ ...passage, metadata })
      for (const id of ['', 'doc-7', `${passage.id} `, '__proto__', '\0', '\ud800', 'x'.repeat(10_000)]) {
        expect(await store.passage(id)).toBeUndefined()
      }
      const changed = { ...documents[7], passages: [{ ...documents[7].passages[1], text: 'Changed.' }] }
      await store.upsert(changed)
      await store.delete(['doc-6'])
      expect(await store.passage(passage.id)).toMatchObject({ text: 'Changed.' })
      expect(await store.passage('doc-6#1')).toBeUndefined()
      await expect(store.passage('doc-3#1', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
    })

    test('keeps everything when it is closed and opened again', async () => {
      const documents = randomDocuments(9)
      await fill(documents)
      await reopen()
      expect(await store.size()).toBe(12)
      expect(await stamps()).toEqual(Object.fromEntries(documents.map(({ id, hash }) => [id, hash])))
      await expectBest(documents, 5)
    })

    test('a document takes the place of the one with its id, and of nothing else', async () => {
      const documents = randomDocuments(12)
      await fill(documents)
      await reopen()
      const changed = { ...randomDocuments(4, 7, 'new')[3], id: documents[6].id, hash: 'changed' }
      await store.upsert(changed)
      const now = documents.map((document, i) => (i === 6 ? changed : document))
      expect((await stamps())[changed.id]).toBe('changed')
      await expectBest(now, 6)
      await store.upsert({ ...changed, hash: 'again', passages: [] })
      expect((await stamps())[changed.id]).toBe('again')
      await reopen()
      await expectBest(
        now.filter((document) => document !== changed),
        100,
      )
    })

    test('deleted documents are gone, and ids that are not there no matter', async () => {
      const documents = randomDocuments(10)
      await fill(documents)
      await reopen()
      await store.delete(['doc-3', 'doc-7', 'nobody'])
      const left = documents.filter(({ id }) => id !== 'doc-3' && id !== 'doc-7')
      expect(Object.keys(await stamps()).sort()).toEqual(left.map(({ id }) => id).sort())
      await expectBest(left, 100)
      await store.delete(left.map(({ id }) => id))
      expect(await store.size()).toBe(0)
      expect(await store.search(queries(1), 3)).toEqual([[]])
      await reopen()
      expect(await store.size()).toBe(0)
    })

    test('a filter leaves the documents whose metadata are equal in value and type', async () => {
      const documents = randomDocuments(24)
      await fill(documents)
      for (const [filter, wanted] of [
        [{ language: 'de' }, (d: number) => d % 3 === 1],
        [{ language: ['en', 'fr'], year: 2003 }, (d: number) => d % 3 !== 1 && d % 4 === 3],
        [{ draft: true }, (d: number) => d % 2 === 0],
        [{ year: '2003' }, () => false],
        [{ tags: 't2' }, (d: number) => d % 5 === 2],
        [{ tags: ['t1', 2] }, (d: number) => d % 5 === 1 || d % 3 === 2],
        [{ tags: '2' }, () => false],
        [{ nothing: 'de' }, () => false],
        [{ toString: 'de' }, () => false],
      ] as const) {
        await expectBest(
          documents.filter((_, d) => wanted(d)),
          100,
          filter as unknown as Record<string, never>,
        )
      }
    })

    test('ids, keys and texts are what they are, whatever stands in them', async () => {
      const vectors = queries(HOSTILE.length)
      for (const [i, text] of HOSTILE.entries()) {
        const metadata = Object.fromEntries([[text, text]])
        await store.upsert({
          id: text,
          hash: text,
          metadata,
          passages: [{ id: text, title: text, text, vector: vectors[i] }],
        })
      }
      await reopen()
      for (const [i, text] of HOSTILE.entries()) {
        const filter = Object.fromEntries([[text, text]])
        const [hits] = await store.search([vectors[i]], 10, { filter })
        expect(hits).toHaveLength(1)
        expect(hits[0]).toMatchObject({ id: text, title: text, text })
        expect(await store.passage(text)).toMatchObject({ id: text, title: text, text })
        expect(Object.entries(hits[0].metadata!)).toEqual([[text, text]])
      }
      await store.delete(HOSTILE.slice(1))
      expect(await stamps()).toEqual({ [HOSTILE[0]]: HOSTILE[0] })
    })

    test('what is wrong is refused, and changes nothing', async () => {
      const [document] = randomDocuments(2).slice(1)
      await store.upsert(document)
      const [passage] = document.passages
      const wrong = (vector: Float32Array) => store.upsert({ ...document, passages: [{ ...passage, vector }] })
      await expect(wrong(new Float32Array(DIMENSION + 1))).rejects.toMatchObject({ code: 'shape-mismatch' })
      await expect(wrong(new Float32Array(DIMENSION).fill(NaN))).rejects.toMatchObject({ code: 'not-finite' })
      await expect(store.upsert({ ...document, passages: [passage, passage] })).rejects.toMatchObject({
        code: 'duplicate-id',
      })
      const [query] = queries(1)
      await expect(store.search([query.subarray(1)], 1)).rejects.toMatchObject({ code: 'shape-mismatch' })
      await expect(store.search([query.map(() => Infinity)], 1)).rejects.toMatchObject({ code: 'not-finite' })
      for (const k of [0, 1.5, NaN]) await expect(store.search([query], k)).rejects.toMatchObject({ code: 'bad-k' })
      for (const filter of [{ a: [] }, { a: null }, { a: { b: 1 } }]) {
        await expect(store.search([query], 1, { filter: filter as never })).rejects.toMatchObject({
          code: 'bad-filter',
        })
      }
      await expect(store.search([query], 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
      for (const places of [[[0, 1, 2, 0]], [[0, 1000, 0, 1]], 'x']) {
        const source = { ...passage.source, places } as unknown as typeof passage.source
        await expect(store.upsert({ ...document, passages: [{ ...passage, source }] })).rejects.toMatchObject({
          code: 'bad-places',
        })
      }
      await expectBest([document], 3)
    })

    test('many that are put in together are as if each was, and a cancelled one leaves each whole', async () => {
      const documents = randomDocuments(12)
      await store.upsert({ ...documents[6], hash: 'old', passages: [] })
      const seen: number[] = []
      expect(await store.upsertAll(documents, { onProgress: (passages) => seen.push(passages) })).toBe(18)
      expect(seen.at(-1)).toBe(18)
      await expectBest(documents, 100)
      expect((await stamps())[documents[6].id]).toBe('hash-6')
      const cancelled = store.upsertAll(randomDocuments(12, 5), { signal: AbortSignal.abort() })
      await expect(cancelled).rejects.toMatchObject({ code: 'aborted' })
      await expectBest(documents, 100)
    })

    test('changes that are begun together all happen', async () => {
      const documents = randomDocuments(16)
      await Promise.all(documents.map((document) => store.upsert(document)))
      await expectBest(documents, 100)
      await store.close()
      await store.close()
      store = await at.open()
    })
  })
}
