import { expect, test } from 'vitest'
import { Bm25 } from '../../../src/rag/finding/bm25.js'
import type { Passage } from '../../../src/rag/index.js'

const TEXTS = [
  { title: 'Eiffel Tower', text: 'A tower of iron, a tower in Paris' },
  { title: '', text: 'Paris is a city' },
  { title: '', text: 'Iron rusts' },
  { title: '', text: 'Tea is a drink' },
]

const build = (passages: readonly Omit<Passage, 'id'>[]) =>
  Bm25.build({
    count: passages.length,
    passages: async (first, end) =>
      passages.slice(first, end).map((passage, i) => ({ id: `p${first + i}`, ...passage })),
  })

/** BM25+ by hand. */
function weight({ df, tf, length }: { readonly df: number; readonly tf: number; readonly length: number }): number {
  const [n, average] = [4, (9 + 4 + 2 + 4) / 4] // different words of the texts, A and a being two
  const idf = Math.log(1 + (n - df + 0.5) / (df + 0.5))
  return idf * (0.5 + (tf * (1.2 + 1)) / (tf + 1.2 * (1 - 0.7 + (0.7 * length) / average)))
}

test('a score is the BM25+ weights of the words that are there, times their number', async () => {
  const index = await build(TEXTS)
  const hits = index.search('IRON tower?', 10)
  expect(hits.map(({ index: row }) => row)).toEqual([0, 2])
  expect(hits[0].score).toBeCloseTo(2 * (weight({ df: 2, tf: 1, length: 9 }) + weight({ df: 1, tf: 3, length: 9 })), 5)
  expect(hits[1].score).toBeCloseTo(weight({ df: 2, tf: 1, length: 2 }), 5)
})

test('gives the k best of the rows that the mask leaves', async () => {
  const index = await build(TEXTS)
  expect(index.search('paris iron', 2)).toHaveLength(2)
  expect(index.search('paris', 5, { mask: Uint8Array.of(0, 1, 1, 1) })).toMatchObject([{ index: 1 }])
  expect(index.search('paris', 5, { mask: new Uint8Array(4) })).toEqual([])
})

test('finds nothing for words that are nowhere, for no words, and among no passages', async () => {
  const index = await build(TEXTS)
  for (const question of ['zebra', '', '?!', '__proto__', 'constructor']) expect(index.search(question, 5)).toEqual([])
  expect((await build([])).search('paris', 5)).toEqual([])
})

test('rows of equal scores keep their order, and more rows than are read at once have theirs', async () => {
  const index = await build(
    Array.from({ length: 2500 }, (_, i) => ({ title: '', text: i === 2400 ? 'rare' : 'common' })),
  )
  expect(index.search('common', 3).map(({ index: row }) => row)).toEqual([0, 1, 2])
  expect(index.search('rare', 3).map(({ index: row }) => row)).toEqual([2400])
})
