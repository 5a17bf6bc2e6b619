import { expect, test } from 'vitest'
import { toCsv } from '../../web/csv.js'
import { decimal, passageName, percent } from '../../web/app/format.js'
import { freeId, setPassages, setScore, toggleDropped } from '../../web/app/edits.js'
import { SEED_SCENE } from '../../web/app/seed.js'
import { piecesOf } from '../../web/panels/sources.js'

test('only 0 and 1 are called 0 and 100 per cent', () => {
  const shown = [0, 1e-9, 0.00012, 0.005, 0.5, 0.9995, 0.99999, 1].map((p) => percent(p).replaceAll('\u202f', ' '))
  expect(shown).toEqual(['0.00 %', '< 0.01 %', '0.01 %', '0.50 %', '50.0 %', '99.95 %', '> 99.99 %', '100 %'])
})

test('minus signs and infinities', () => {
  expect([decimal(-0.5), decimal(-Infinity), decimal(2, 1)]).toEqual(['−0.500', '−∞', '2.0'])
})

test('a passage without a title is called by its first words', () => {
  expect(passageName({ title: '', text: 'one two three four five' })).toBe('one two three four …')
  expect(passageName({ title: '', text: 'one two' })).toBe('one two')
  expect(passageName({ title: 'T', text: 'one two' })).toBe('T')
})

test('CSV quotes what needs it, and what a spreadsheet would run', () => {
  expect(
    toCsv([
      ['a,b', 'say "x"', '=1+1', 'two\nlines'],
      [-1.5, 0],
    ]),
  ).toBe(`"a,b","say ""x""",'=1+1,"two\nlines"\r\n-1.5,0\r\n`)
})

test('edits give new scenes', () => {
  const dropped = { ...SEED_SCENE, ...toggleDropped(SEED_SCENE, 'france') }
  expect(dropped.dropped).toEqual(['france'])
  expect(toggleDropped(dropped, 'france').dropped).toEqual([])
  const scored = { ...dropped, ...setScore(dropped, 'seine', 0.5) }
  expect(scored.scores).toEqual({ seine: 0.5 })
  expect(setScore(scored, 'seine', undefined).scores).toEqual({})
  const passages = [{ id: 'seine', title: '', text: 'x' }]
  expect(setPassages(scored, passages)).toEqual({ passages, served: false, dropped: [], scores: { seine: 0.5 } })
  expect(freeId([{ id: '2', title: '', text: '' }])).toBe('3')
  expect(SEED_SCENE.dropped).toEqual([])
})

test('a text cut at its source words joins to itself', () => {
  const text = 'France is a country.'
  const word = (start: number, end: number, weight: number) => ({
    field: 'text' as const,
    passage: 0,
    start,
    end,
    weight,
  })
  const pieces = piecesOf(text, [word(12, 19, 0.2), word(0, 6, 0.7)])
  expect(pieces.map((piece) => piece.text)).toEqual(['France', ' is a ', 'country', '.'])
  expect(pieces.map((piece) => piece.weight)).toEqual([0.7, 0, 0.2, 0])
})
