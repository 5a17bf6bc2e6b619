import { describe, expect, test } from 'vitest'
import { Random } from '../../../bench/random.js'
import { LONGEST_SPAN, searchSpans, type SpanWindow } from '../../../src/rag/reading/span-search.js'

/** Tokens of two characters with a space after each. */
const placesFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ start: 3 * (first + i), end: 3 * (first + i) + 2 }))

const random = new Random(3)
const logits = (count: number) => Array.from({ length: count }, () => 8 * random.next() - 4)
const windowOf = (passage: number, first: number, count: number): SpanWindow => ({
  passage,
  places: placesFrom(first, count),
  starts: logits(count),
  ends: logits(count),
})
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** e^score of each span by `passage:start:end`, the larger where two windows have it. */
function bruteForce(windows: readonly SpanWindow[]): Map<string, number> {
  const odds = new Map<string, number>()
  for (const { passage, places, starts, ends } of windows)
    for (let i = 0; i < places.length; i++)
      for (let j = i; j < places.length && j - i < 48; j++) {
        const key = `${passage}:${places[i].start}:${places[j].end}`
        odds.set(key, Math.max(odds.get(key) ?? 0, Math.exp(starts[i] + ends[j])))
      }
  return odds
}

describe('the softmax over all spans and "no answer"', () => {
  const windows = [windowOf(0, 0, 60), windowOf(0, 12, 60), windowOf(2, 0, 5)]
  const odds = bruteForce(windows)
  const total = 1 + sum([...odds.values()])
  const { spans, pNoAnswer, shares } = searchSpans(windows, 3, 1000)

  test('is that of brute force, with a span in two windows counted once, by its better score', () => {
    expect(pNoAnswer).toBeCloseTo(1 / total, 7)
    for (const { passage, start, end, startScore, endScore, score, probability } of spans) {
      const wanted = odds.get(`${passage}:${start}:${end}`)!
      expect(startScore + endScore).toBe(score)
      expect(score).toBeCloseTo(Math.log(wanted), 10)
      expect(probability).toBeCloseTo(wanted / total, 7)
    }
    const shareOf = (z: number) => sum([...odds].filter(([key]) => key.startsWith(`${z}:`)).map(([, e]) => e)) / total
    ;[0, 1, 2].forEach((z) => expect(shares[z]).toBeCloseTo(shareOf(z), 7))
    expect(shares[1]).toBe(0)
    expect(sum(shares) + pNoAnswer).toBeCloseTo(1, 10)
  })

  test('gives the best first, and of those that overlap only the best', () => {
    const best = [...odds].sort(([, a], [, b]) => b - a)
    expect(`${spans[0].passage}:${spans[0].start}:${spans[0].end}`).toBe(best[0][0])
    const kept: (readonly [number, number, number])[] = []
    for (const [key] of best) {
      const [z, start, end] = key.split(':').map(Number)
      if (!kept.some(([y, from, to]) => y === z && from < end && start < to)) kept.push([z, start, end])
    }
    const shown = kept.slice(0, 4)
    expect(spans.slice(0, 4).map(({ passage, start, end }) => [passage, start, end])).toEqual(shown)
    expect(searchSpans(windows, 3, 2).spans).toEqual(spans.slice(0, 2))
  })
})

test('probabilities stay numbers where logits are large, on either side', () => {
  for (const far of [500, -500]) {
    const { spans, pNoAnswer, shares } = searchSpans(
      [{ passage: 0, places: placesFrom(0, 2), starts: [far, -900], ends: [far, -900] }],
      1,
      5,
    )
    expect(spans.map(({ probability }) => probability)).toEqual(far > 0 ? [1] : [])
    expect([pNoAnswer, ...shares]).toEqual(far > 0 ? [0, 1] : [1, 0])
  }
})

test(`a span of ${LONGEST_SPAN} tokens counts and one of more does not`, () => {
  for (const [length, first] of [
    [LONGEST_SPAN, 1],
    [LONGEST_SPAN + 1, 0],
  ] as const) {
    // prettier-ignore
    const starts = new Array<number>(length).fill(-30)
    const ends = [...starts]
    starts[0] = ends[length - 1] = 20
    const { spans } = searchSpans([{ passage: 0, places: placesFrom(0, length), starts, ends }], 1, 1)
    expect(spans.filter(({ score }) => score === 40)).toHaveLength(first)
  }
})

test('nothing to read is "no answer", and so are tokens that stand for no text', () => {
  expect(searchSpans([], 2, 5)).toEqual({ spans: [], pNoAnswer: 1, shares: [0, 0] })
  const empty = { passage: 0, places: [{ start: 4, end: 4 }], starts: [50], ends: [50] }
  expect(searchSpans([empty], 1, 5)).toEqual({ spans: [], pNoAnswer: 1, shares: [0] })
})

test('twenty windows of 384 tokens whose logits tell nothing apart are searched', () => {
  const windows = Array.from({ length: 20 }, (_, i) => windowOf(i, 0, 384)) // 1.5 million spans are as good as each other
  expect(searchSpans(windows, 20, 5).spans).toHaveLength(5)
})
