import { beforeAll, describe, expect, test } from 'vitest'
import { LONGEST_SPAN } from '../../../src/rag/reading/span-search.js'
import { windowsOf as piecesOf, type SpanInput } from '../../../src/rag/reading/span-windows.js'
import { AutoTokenizer, type Tokenizer } from '../../../src/tokenizer/index.js'
import { weightsPath } from '../../support/weights.js'

function windowsOf(tokenizer: Tokenizer, question: string, passages: readonly SpanInput[], maxLength: number) {
  return passages.flatMap((passage, z) => [...piecesOf(tokenizer, question, passage, z, maxLength)].flat())
}

const QUESTION = 'What is the capital of France?'
const WORDS =
  'tea is made of leaves and hot water in a small red pot while the old house stands beside the river'.split(' ')
const longText = (count: number) => Array.from({ length: count }, (_, i) => WORDS[(i * 7) % WORDS.length]).join(' ')

let tokenizer: Tokenizer
beforeAll(async () => {
  tokenizer = await AutoTokenizer.fromPretrained(weightsPath('all-MiniLM-L6-v2'))
})
const slices = (text: string, places: readonly { start: number; end: number }[]) =>
  places.map(({ start, end }) => text.slice(start, end))

test('a passage that fits is one window: the pair, encoded, and the places of its text', () => {
  const text = 'Its capital is Paris.'
  const [window, ...others] = windowsOf(tokenizer, QUESTION, [{ title: 'France', text }], 384)
  expect(others).toEqual([])
  const { ids, typeIds } = tokenizer.encode(QUESTION, { pair: `France. ${text}` })
  expect(window).toMatchObject({ passage: 0, ids, typeIds })
  expect(slices(text, window.places)).toEqual(['Its', 'capital', 'is', 'Paris', '.'])
  expect(window.ids.slice(window.first, -1).map((id) => tokenizer.idToToken(id))).toEqual(['its', 'capital', 'is', 'paris', '.']) // prettier-ignore
})

describe.each([
  [128, 95],
  [128, 500],
  [200, 1000],
  [384, 329],
  [384, 330],
  [384, 2000],
])('windows of %i tokens over %i words', (maxLength, count) => {
  const text = longText(count)
  const wordsAt = [...text.matchAll(/\S+/g)].map(({ index }) => index)
  const windowsFor = () => windowsOf(tokenizer, QUESTION, [{ title: 'Tea', text }], maxLength)

  test('hold each token, and each answer of the most tokens whole', () => {
    const stretches = windowsFor().map(({ places }) => wordsAt.indexOf(places[0].start))
    const lengths = windowsFor().map(({ places }) => places.length)
    for (let from = 0; from <= Math.max(0, count - LONGEST_SPAN); from++) {
      const to = Math.min(count, from + LONGEST_SPAN)
      expect(
        stretches.some((start, i) => start <= from && to <= start + lengths[i]),
        `${from}`,
      ).toBe(true)
    }
  })

  test('are each question, title and a stretch of the text, as long as the model reads at most', () => {
    const { ids: whole } = tokenizer.encode(QUESTION, { pair: 'Tea. ' })
    for (const { ids, typeIds, first, places } of windowsFor()) {
      expect(ids.length).toBeLessThanOrEqual(maxLength)
      expect(typeIds).toHaveLength(ids.length)
      expect(ids.slice(0, first)).toEqual(whole.slice(0, -1))
      expect(ids.at(-1)).toBe(whole.at(-1))
      expect(ids.length).toBe(first + places.length + 1)
      expect(ids.slice(first, -1).map((id) => tokenizer.idToToken(id))).toEqual(slices(text, places))
    }
  })
})

test('passages keep their numbers, and one without text has a window without places', () => {
  const passages = [{ title: '', text: '' }, { title: 'A', text: '' }, { title: '', text: 'b' }, { title: '', text: ' \n' }] // prettier-ignore
  const windows = windowsOf(tokenizer, QUESTION, passages, 384)
  expect(windows.map(({ passage }) => passage)).toEqual([0, 1, 2, 3])
  expect(windows.map(({ places }) => places.length)).toEqual([0, 0, 1, 0])
  for (const { ids, first, places } of windows) expect(first + places.length + 1).toBe(ids.length)
})

test('of a title that is too long the last words are read, in time that does not grow with it', () => {
  const before = performance.now()
  const title = `${longText(20_000)} Assam`
  const windows = windowsOf(tokenizer, QUESTION, [{ title, text: longText(300) }], 384)
  expect(performance.now() - before).toBeLessThan(2000)
  const read = windows[0].ids.slice(0, windows[0].first).map((id) => tokenizer.idToToken(id)).join(' ') // prettier-ignore
  expect(read).toMatch(/assam \.$/)
  expect(windows[0].first).toBeLessThan(384 / 3)
  const one = windowsOf(tokenizer, QUESTION, [{ title: 'ab'.repeat(45) + '-x'.repeat(400), text: 'b' }], 384)
  expect(one[0].ids).toEqual(tokenizer.encode(QUESTION, { pair: 'b' }).ids)
})

test('a text with words outside the vocabulary, in text and title', () => {
  const text = 'Paris 🙂 is 龘 big'
  const [{ places, ids, first }] = windowsOf(tokenizer, QUESTION, [{ title: '🙂 France', text }], 384)
  expect(slices(text, places)).toEqual(['Paris', '🙂', 'is', '龘', 'big'])
  expect(ids.length).toBe(first + 6)
})

test('a question that leaves no room is refused with both lengths', () => {
  const question = longText(400)
  const tokens = tokenizer.encode(question).ids.length + 1
  const run = () => windowsOf(tokenizer, question, [{ title: '', text: 'b' }], 384)
  expect(run).toThrow(expect.objectContaining({ code: 'too-long' }) as Error)
  expect(run).toThrow(
    `the question has ${tokens} tokens with the special ones, and a reader of 384 tokens takes at most 288`,
  )
})
