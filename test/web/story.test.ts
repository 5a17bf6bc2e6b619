import { expect, test } from 'vitest'
import type { AttentionMap, Token, Walk } from '../../web/protocol.js'
import { castOf, tellStory, wordsOf } from '../../web/app/story.js'

const token = (text: string, part: Token['part']): Token => ({ id: 0, text, part, start: 0, end: 0 })
/** Spaces are written as `_`, so that tokens can be parted by spaces. */
const tokens = (part: Token['part'], text: string) =>
  text.split(' ').map((piece) => token(piece.replace('_', ' '), part))

const SOURCE = [
  ...tokens('text', 'Fran ce _is _a _country . _Its _capital _is _Par is .'), // 0 to 11
  token(' //', 'mark'),
  ...tokens('question', '_What _is _the _capital _of _France ?'), // 13 to 19
  token('</s>', 'mark'),
]
const TARGET = [token('<pad>', 'mark'), ...tokens('answer', 'The _capital _of _France _is _Par is .')]
const WALK = {
  answer: { passages: [{ posterior: 0.1 }, { posterior: 0.9 }] },
  sources: [[], SOURCE],
  target: TARGET,
} as unknown as Pick<Walk, 'answer' | 'sources' | 'target'>

test('pieces without a space go on with a word, signs and other parts do not', () => {
  expect(wordsOf(SOURCE).map(({ text }) => text)).toEqual(
    'France is a country . Its capital is Paris . // What is the capital of France ? </s>'.split(' '),
  )
  expect(wordsOf(SOURCE).find(({ text }) => text === 'Paris')!.places).toEqual([9, 10])
})

test('the words of the opening example are those of its claims', () => {
  const cast = castOf(WALK)
  expect(cast).toMatchObject({ passage: 1, step: 5 })
  expect(cast.answering).toMatchObject({ text: 'Paris', places: [9, 10], part: 'text' })
  expect(cast.asked).toMatchObject({ text: 'France', places: [0, 1], part: 'text' })
  expect(cast.shared).toMatchObject({ text: 'capital', places: [2] })
})

test('an abstention has no story', () => {
  const target = [token('<pad>', 'mark'), ...tokens('answer', "I _don 't _know .")]
  const story = tellStory(castOf({ ...WALK, target }), [])
  expect(story).toEqual({ passage: 1, step: 0, self: undefined, cross: undefined, crossMost: undefined })
})

/** Even rows, but for the given cells, which share what they leave. [heads, query, key] */
function map(
  attention: string,
  queries: readonly Token[],
  cells: readonly [head: number, query: number, key: number, weight: number][],
): AttentionMap {
  const keys = SOURCE.length
  const probs = new Float32Array(2 * queries.length * keys).fill(1 / keys)
  for (const [head, query] of cells) {
    const start = (head * queries.length + query) * keys
    const given = cells.filter((cell) => cell[0] === head && cell[1] === query)
    const left = 1 - given.reduce((sum, cell) => sum + cell[3], 0)
    probs.fill(left / (keys - given.length), start, start + keys)
    for (const [, , key, weight] of given) probs[start + key] = weight
  }
  return { attention, passage: 1, queries, keys: SOURCE, numHeads: 2, probs }
}

test('a finding is the row and head with most weight on all tokens of the word', () => {
  const story = tellStory(castOf(WALK), [
    map('encoder.0.self_attention', SOURCE, [[0, 0, 9, 0.3]]),
    map('encoder.1.self_attention', SOURCE, [
      [1, 1, 9, 0.2],
      [1, 1, 10, 0.25],
      [1, 1, 0, 0.4],
    ]),
    map('decoder.0.self_attention', TARGET, [[0, 2, 1, 0.99]]),
    map('decoder.0.cross_attention', TARGET, [[1, 5, 9, 0.8]]),
  ])
  expect(story.self).toMatchObject({
    from: 'France',
    to: 'Paris',
    strongest: { attention: 'encoder.1.self_attention', head: 1, query: 1, key: 10 },
    isFirst: false, // the first token gets 0.4, no token of the word more than 0.25
  })
  expect(story.self!.weight).toBeCloseTo(0.45, 6)
  expect(story.self!.even).toBeCloseTo(2 / SOURCE.length, 6)
  const even = 2 / SOURCE.length
  expect(story.self!.mean).toBeCloseTo((0.45 + 3 * even) / 4, 6) // the row of "ce": one head of four
  expect(story.cross!.weight).toBeCloseTo(even, 6) // "capital" looks nowhere in particular
  expect(story.crossMost).toMatchObject({ from: 'is', to: 'Paris', isFirst: true })
})
