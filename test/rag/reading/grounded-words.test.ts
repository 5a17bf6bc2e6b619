import { beforeAll, expect, test } from 'vitest'
import { GroundedWords } from '../../../src/rag/reading/grounded-words.js'
import { AutoTokenizer, type Tokenizer } from '../../../src/tokenizer/index.js'
import { weightsPath } from '../../support/weights.js'

const END = 1
const READ = 'São Tomé / It borders 12,345 “naïve” islands // Which islands does São Tomé border?'
let tokenizer: Tokenizer
let words: GroundedWords
beforeAll(async () => {
  tokenizer = await AutoTokenizer.fromPretrained(weightsPath('reader'))
  words = new GroundedWords(tokenizer, ['covers', 'the'])
})

const ids = (text: string) => tokenizer.encode(text, { addSpecialTokens: false }).ids
const rule = (more: readonly string[] = [], read = READ) => words.processor([ids(read)], [END], more)

/** Whether a model that writes these tokens is let do so, and may then end. */
function lets(tokens: readonly number[], more?: readonly string[]): boolean {
  const process = rule(more)
  return [...tokens, END].every((id, t) => {
    const scores = new Float32Array(tokenizer.vocabSize)
    process(scores, [0, ...tokens.slice(0, t)], 0)
    return scores[id] === 0
  })
}

test.each([
  'São Tomé borders 12,345 islands.',
  'the islands',
  'The “naïve” Tomé covers the São.',
  'Covers, islands: which?',
  '',
])('lets "%s" be written, which was read or is its own', (text) => {
  expect(lets(ids(text))).toBe(true)
})

test.each([
  'São Tom',
  'São Tomé borders 12,3456 islands.',
  'It is',
  'islandsislands',
  'naive',
  'Tome',
  'covers Spain',
  "I don't know.",
])('does not let "%s" be written', (text) => {
  expect(lets(ids(text))).toBe(false)
})

test('takes further words where they are given', () => {
  expect(lets(ids("I don't know."), ["I don't know."])).toBe(true)
})

test('any way to spell a word will do', () => {
  const letters = Array.from('islands', (letter) => tokenizer.tokenToId(letter)!)
  expect(lets(letters)).toBe(true)
  expect(lets(letters.slice(0, -1))).toBe(false)
})

test('whatever a model wants, only words that were read come out', () => {
  const process = rule()
  let seed = 7
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
  const sequence = [0]
  for (let step = 0; step < 300; step++) {
    const scores = Float32Array.from({ length: tokenizer.vocabSize }, random)
    scores[END] = 0
    process(scores, sequence, 0)
    sequence.push(scores.indexOf(Math.max(...scores)))
  }
  const allowed = new Set([...(READ + ' covers the').matchAll(/[\p{L}\p{N}“”]+/gu)].map(([word]) => word.toLowerCase()))
  const written = [...tokenizer.decode(sequence).matchAll(/[\p{L}\p{N}“”]+/gu)].map(([word]) => word.toLowerCase())
  expect(written.length).toBeGreaterThan(50)
  expect(written.slice(0, -1).filter((word) => !allowed.has(word))).toEqual([])
})

test('each input has its own words, and ids beyond the vocabulary are ruled out', () => {
  const process = words.processor([ids('Paris'), ids('Rome')], [END], [])
  const of = (input: number) => {
    const scores = new Float32Array(tokenizer.vocabSize + 3)
    process(scores, [0], input)
    return scores
  }
  const [paris] = ids('Paris')
  expect(of(0)[paris]).toBe(0)
  expect(of(1)[paris]).toBe(-Infinity)
  expect(of(0).at(-1)).toBe(-Infinity)
})
