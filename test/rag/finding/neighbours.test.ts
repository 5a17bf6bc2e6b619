import { describe, expect, test, vi } from 'vitest'
import { openDocuments, splitDocument } from '../../../src/documents/index.js'
import { bytesSource } from '../../../src/files/byte-source.js'
import type { Passage } from '../../../src/rag/index.js'
import { joinPassages, neighbourOf } from '../../../src/rag/finding/neighbours.js'
import { placeInSource, wrongPlaces } from '../../../src/rag/finding/passage-place.js'

/** Ten words a passage or so. */
const WORDS = { maxLength: 16, countTokens: (text: string) => text.split(/\s+/).filter(Boolean).length }

async function split(file: string, content: string): Promise<Passage[]> {
  const passages: Passage[] = []
  for await (const entry of openDocuments(bytesSource(new TextEncoder().encode(content), file), file))
    passages.push(...(await splitDocument(await entry.load(), WORDS)))
  return passages
}

describe('the neighbour', () => {
  test.each([
    ['a.md#3', 1, 'a.md#4'],
    ['a.md#3', -1, 'a.md#2'],
    ['a.md#9', 1, 'a.md#10'],
    ['a.jsonl#17#2', -1, 'a.jsonl#17#1'],
    ['a.md#1', -1, undefined],
    ['a.md', 1, undefined],
    ['a#b', 1, undefined],
  ] as const)('of %s on side %i is %s', async (id, side, wanted) => {
    const find = vi.fn(async (id: string) => ({ id, title: '', text: 'x' }))
    expect((await neighbourOf({ id }, side, find))?.id).toBe(wanted)
    expect(find).toHaveBeenCalledTimes(wanted === undefined ? 0 : 1)
  })
})

describe('two passages of one sentence, joined', () => {
  const words = Array.from({ length: 45 }, (_, i) => `word${i}`)
  const lines = (end: string) => Array.from({ length: 9 }, (_, i) => words.slice(i * 5, i * 5 + 5).join(' ')).join(end)
  const marked = words.join(' ').replace('word24', 'w&eacute;rd <b>word24</b>')
  test.each([
    ['a.txt', words.join(' ')],
    ['a.txt', lines('\n')],
    ['a.txt', lines('\r\n')],
    ['a.md', words.join(' ').replace('word22', '**word22**')],
    ['a.md', `- ${lines('\n  ')}`],
    ['a.html', `<p>${marked}</p>`],
    ['a.jsonl', JSON.stringify({ id: 'x', text: lines('\n') })],
  ])('in %s are one text whose every word leads to its place: %j', async (file, content) => {
    const passages = await split(file, content)
    expect(passages.length).toBeGreaterThan(2)
    const source = file === 'a.jsonl' ? lines('\n') : content
    for (const [i, second] of passages.slice(1).entries()) {
      const joined = joinPassages(passages[i], second)!
      expect(joined.text.slice(joined.second)).toBe(second.text)
      expect(joined.text.slice(0, joined.second)).toMatch(/\s$/)
      expect(wrongPlaces(joined.source, joined.text)).toBeUndefined()
      for (const { 0: word, index } of joined.text.matchAll(/word\d+/g)) {
        const { start, end, line } = placeInSource(joined, index, index + word.length)!
        expect(source.slice(start, end)).toBe(word)
        expect(line).toBe(source.slice(0, start).split('\n').length)
      }
      const { start, end } = joined.source
      expect(placeInSource(joined, 0, joined.text.length)).toMatchObject({ start, end })
    }
  })

  test('a word that is too long to be one passage is whole again', async () => {
    const letters = { maxLength: 16, countTokens: (text: string) => text.length }
    const long = 'abcdefghijklmnopqrstuvwxyz'
    for await (const entry of openDocuments(bytesSource(new TextEncoder().encode(long), 'a.txt'), 'a.txt')) {
      const [first, second] = await splitDocument(await entry.load(), letters)
      expect(joinPassages(first, second)!.text).toBe(long.slice(0, first.text.length + second.text.length))
    }
  })
})

describe('not joined are', () => {
  const passage = (text: string, start: number, line: number, more: object = {}): Passage => {
    const source = { file: 'f', headingPath: ['H'], start, end: start + text.length, places: [[0, text.length, start, line] as const], ...more } // prettier-ignore
    return { id: `f#${line}`, title: '', text, source }
  }
  const first = passage('one two', 10, 3)
  const second = passage('three', 18, 3)

  test('passages of two parts of a document', () => {
    expect(joinPassages(first, second)!.text).toBe('one two three')
    for (const more of [{ file: 'g' }, { headingPath: ['H', 'I'] }, { page: 2 }, { record: 'r' }])
      expect(joinPassages(first, passage('three', 18, 3, more))).toBeUndefined()
    expect(joinPassages(first, { ...second, metadata: { of: 'another' } })).toBeUndefined()
  })

  test('passages with more between them, such as an empty line or markup, or that overlap', () => {
    expect(joinPassages(first, passage('three', 19, 4))!.text).toBe('one two\nthree')
    expect(joinPassages(first, passage('three', 19, 5))).toBeUndefined()
    expect(joinPassages(first, passage('three', 21, 3))).toBeUndefined()
    expect(joinPassages(first, passage('two three', 14, 3))).toBeUndefined()
  })

  test('passages that do not know their places', () => {
    for (const other of [{ ...second, source: undefined }, passage('three', 18, 3, { places: undefined })]) {
      expect(joinPassages(first, other)).toBeUndefined()
      expect(joinPassages(other, second)).toBeUndefined()
    }
  })

  test('paragraphs of Markdown and HTML', async () => {
    const items = Array.from({ length: 12 }, (_, i) => `paragraph ${i} without a full stop`)
    for (const [file, content] of [
      ['a.md', items.join('\n\n')],
      ['a.html', items.map((item) => `<p>${item}</p>`).join('')],
    ]) {
      // prettier-ignore
      const passages = await split(file, content)
      expect(passages.length).toBeGreaterThan(3)
      expect(passages.slice(1).flatMap((second, i) => joinPassages(passages[i], second) ?? [])).toEqual([])
    }
  })
})
