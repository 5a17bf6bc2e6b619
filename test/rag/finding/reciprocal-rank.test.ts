import { expect, test } from 'vitest'
import { fuseRankings } from '../../../src/rag/index.js'

test('what stands high in both rankings comes first, with the sum of its reciprocal ranks', () => {
  const fused = fuseRankings([
    ['a', 'b', 'c'],
    ['d', 'b', 'e', 'a'],
  ])
  // by hand, with k = 60: b 1/62 + 1/62, a 1/61 + 1/64, d 1/61, c 1/63, e 1/63
  expect(fused.map(({ id }) => id)).toEqual(['b', 'a', 'd', 'c', 'e'])
  const wanted = [2 / 62, 1 / 61 + 1 / 64, 1 / 61, 1 / 63, 1 / 63]
  fused.forEach(({ score }, i) => expect(score).toBeCloseTo(wanted[i], 15))
})

test('k says how little the first places count for more than the next', () => {
  expect(fuseRankings([['a', 'b'], ['b'], ['b']], 0)).toEqual([
    { id: 'b', score: 2.5 },
    { id: 'a', score: 1 },
  ])
})

test('one ranking stays as it is, and none is empty', () => {
  expect(fuseRankings([['x', 'y']]).map(({ id }) => id)).toEqual(['x', 'y'])
  expect(fuseRankings([])).toEqual([])
  expect(fuseRankings([[], []])).toEqual([])
})
