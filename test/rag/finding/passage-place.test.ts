import { describe, expect, test } from 'vitest'
import { placeInSource, type PassageSource } from '../../../src/rag/index.js'
import { wrongPlaces, wrongSource } from '../../../src/rag/finding/passage-place.js'

/** Of `one\ntwo &amp; three` from character 10 and line 4 on, with a label in front and a full stop behind. */
const text = 'A: one\ntwo & three.'
const whole = { file: 'f', page: 2, headingPath: ['H'], start: 10, end: 27 }
const source: PassageSource = {
  ...whole,
  places: [
    [3, 8, 10, 4],
    [11, 1, 18, 5, 23],
    [12, 6, 23, 5],
  ],
}

describe('a stretch of a passage', () => {
  test.each([
    ['one', 10, 13, 4],
    ['two', 14, 17, 5],
    ['e\nt', 12, 15, 4],
    ['&', 18, 23, 5],
    ['& th', 18, 26, 5],
    ['three.', 24, 29, 5],
    ['A:', 10, 10, 4],
    ['A: o', 10, 11, 4],
    ['.', 28, 29, 5], // nothing comes behind: what it ends
  ])('%j stands at %i to %i, in line %i', (words, start, end, line) => {
    const at = text.indexOf(words)
    const { file, page, headingPath } = whole
    expect(placeInSource({ text, source }, at, at + words.length)).toEqual({
      file,
      page,
      headingPath,
      start,
      end,
      line,
    })
  })

  test('is as large as the passage where that has no places, and is in no known line', () => {
    for (const places of [undefined, []]) {
      expect(placeInSource({ text, source: { ...whole, places } }, 3, 6)).toEqual(whole)
    }
  })

  test('stands nowhere where the passage has no source', () => {
    expect(placeInSource({ text }, 3, 6)).toBeUndefined()
  })

  test.each([
    [-1, 2],
    [2, 2],
    [3, 2],
    [0, text.length + 1],
    [0.5, 2],
    [0, NaN],
  ])('%d to %d is refused', (start, end) => {
    const read = () => placeInSource({ text, source }, start, end)
    expect(read).toThrow(expect.objectContaining({ code: 'bad-range' }) as Error)
    expect(read).toThrow(`characters ${start} to ${end}, expected some of the 19`)
  })
})

test('places from elsewhere are places, in order, of the text', () => {
  for (const right of [undefined, null, 'x', {}, { places: null }, { places: [] }, source]) {
    expect(wrongPlaces(right, text)).toBeUndefined()
  }
  for (const wrong of [
    'x',
    {},
    [[0, 1, 2]],
    [[0, 1, 2, 3, 4, 5]],
    [[0, 1, 2, 0]],
    [[0, 0, 2, 1]],
    [[-1, 1, 2, 1]],
    [[0, 1.5, 2, 1]],
    [[0, 1, 1e300, 1]],
    [[0, 1, 2, '1']],
    [[0, 1, 2, 1, 1]],
    [[0, 1, 2, 1, null]],
    [[0, 20, 2, 1]],
    [[2, 2, 2, 1], [3, 2, 4, 1]], // prettier-ignore
    [null],
  ]) {
    expect(wrongPlaces({ places: wrong }, text), JSON.stringify(wrong)).toMatch(/^place/)
  }
})

test('a source from elsewhere has a file, headings and a range', () => {
  const right = { file: 'a.md', headingPath: ['A'], start: 0, end: 5, page: 1, record: 'r' }
  for (const one of [undefined, null, right, { ...right, page: undefined, record: undefined }]) {
    expect(wrongSource(one, text)).toBeUndefined()
  }
  for (const wrong of [
    'a.md',
    [],
    {},
    { ...right, file: 5 },
    { ...right, headingPath: 'A' },
    { ...right, headingPath: [5] },
    { ...right, start: -1 },
    { ...right, end: '5' },
    { ...right, start: 6 },
    { ...right, page: 'one' },
    { ...right, record: 7 },
    { ...right, places: [[0, 1000, 0, 1]] },
  ]) {
    expect(wrongSource(wrong, text), JSON.stringify(wrong)).toBeTypeOf('string')
  }
})
