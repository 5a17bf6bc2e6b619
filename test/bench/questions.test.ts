import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { askAbout, HELD_OUT, writeQuestions } from '../../bench/questions.js'
import { WORLD_FACTS } from '../support/weights.js'

const questions = writeQuestions(WORLD_FACTS)
const passageOf = new Map(WORLD_FACTS.map((passage) => [passage.id, passage]))

test('there are 200 different questions, the same every time', () => {
  expect(new Set(questions.map(({ question }) => question)).size).toBe(200)
  expect(writeQuestions(WORLD_FACTS)).toEqual(questions)
  expect(writeQuestions(WORLD_FACTS, 2)).not.toEqual(questions)
})

test('the held-out countries are those of the recipe, and each is asked about twice', () => {
  const recipe = readFileSync(new URL('../../weights/recipe/make_data.py', import.meta.url), 'utf8')
  const list = JSON.parse(/^HELD_OUT = (\[.*\])$/m.exec(recipe)![1]) as string[]
  expect(HELD_OUT).toEqual(list)
  const asked = questions.filter(({ kind }) => kind === 'heldOut').map(({ passage }) => passageOf.get(passage!)!.title)
  expect(asked.sort()).toEqual([...list, ...list].sort())
})

test('what the right sentence says beyond its question stands in the passage', () => {
  const words = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  const grammar = new Set([
    'is',
    'in',
    'are',
    'was',
    'the',
    'a',
    'of',
    'covers',
    'live',
    'borders',
    'from',
    'person',
    'people',
  ])
  for (const { question, passage, answers } of questions.filter(({ answers }) => answers.length > 0)) {
    const known = new Set([...words(question), ...words(passageOf.get(passage!)!.text), ...grammar])
    const added = words(answers[0]).filter((word) => !known.has(word))
    expect(added, `${question} ${answers[0]}`).toEqual([])
  }
})

test.each([
  ['Portugal', 'Which countries border Portugal?', 'Portugal borders Spain.'],
  ['Iron', 'At what temperature does iron melt?', 'Iron melts at 1811 kelvin.'],
  ['Pablo Picasso', 'When did Pablo Picasso die?', 'Pablo Picasso died in 1973.'],
  ['Abuja', 'How many people live in Abuja?', '590,400 people live in Abuja.'],
  ['Peru', 'Lima is the capital of which country?', 'Lima is the capital of Peru.'],
])('of %s one may ask: %s', (title, question, answer) => {
  const asked = WORLD_FACTS.filter((passage) => passage.title === title).flatMap(askAbout)
  expect(asked.find((one) => one.question === question)?.answers).toContain(answer)
})
