import { describe, expect, test, vi } from 'vitest'
import type { Passage } from '../../../src/rag/index.js'
import { withNeighbours } from '../../../src/rag/reading/cut-quote.js'

/** The passages of a file whose text is theirs with a line end between them. */
function documentOf(...texts: string[]) {
  let [start, line] = [0, 1]
  const passages = texts.map((text, i): Passage => {
    const [from, end] = [start, start + text.length]
    start = end + 1
    const source = { file: 'f', headingPath: [], start: from, end, places: [[0, text.length, from, line] as const] }
    line += text.split('\n').length
    return { id: `f#${i + 1}`, title: '', text, source }
  })
  return { passages, find: vi.fn(async (wanted: string) => passages.find(({ id }) => id === wanted)) }
}

async function read(texts: readonly string[], at: number, words: string) {
  const { passages, find } = documentOf(...texts)
  const start = passages[at].text.indexOf(words)
  const longer = await withNeighbours(passages[at], { start, end: start + words.length }, find)
  return { longer, asked: find.mock.calls.map(([id]) => id) }
}

const BEFORE = 'Tea is hot. It was brought by the captain of a'
const MIDDLE = 'ship from the far east who called himself'
const AFTER = 'Anna Brandt of Tern. She left.'

describe('what the edge of a passage cuts is read with its neighbour', () => {
  test.each([
    ['behind', 0, 'captain of a', [BEFORE, MIDDLE], ['f#2'], ['f#2']],
    ['before', 2, 'Anna Brandt', [MIDDLE, AFTER], ['f#2'], ['f#2']],
    ['on both sides, though only one is touched', 1, 'called himself', [BEFORE, MIDDLE, AFTER], ['f#1', 'f#3'], ['f#1', 'f#3']], // prettier-ignore
  ] as const)('%s', async (_, at, words, whole, neighbours, asks) => {
    const { longer, asked } = await read([BEFORE, MIDDLE, AFTER], at, words)
    expect(longer).toMatchObject({ text: whole.join('\n'), neighbours })
    expect(longer!.source.places).toHaveLength(whole.length)
    expect(asked).toEqual(asks)
  })

  test('an item of a list, too', async () => {
    const { longer } = await read(['- tea\n- coffee from the', 'hills of Arlen\n- milk'], 0, 'coffee from the')
    expect(longer!.text).toBe('- tea\n- coffee from the\nhills of Arlen\n- milk')
  })
})

describe('a passage stays as it is', () => {
  test.each([
    ['the words touch no edge', 0, 'brought', [BEFORE, MIDDLE, AFTER], []],
    ['a sentence ends behind them', 0, 'a pot', ['It is in a pot.', 'The pot is red.'], []],
    ['a quoted sentence ends behind them', 0, 'a pot', ['He said: “It is in a pot.”', 'The pot is red.'], []],
    ['a sentence begins with them', 1, 'The pot', ['It is in a pot.', 'The pot is red.'], ['f#1']],
    ['there is no neighbour', 0, 'a pot', ['It is in a pot'], ['f#2']],
    ['the neighbour is another item', 0, 'tea', ['- milk\n- tea', '- coffee'], ['f#2']],
    ['the neighbour is another row', 0, '1847', ['City: Brask; Since: 1847', 'City: Tern; Since: 1900'], ['f#2']],
  ] as const)('where %s', async (_, at, words, texts, asks) => {
    const { longer, asked } = await read(texts, at, words)
    expect(longer).toBeUndefined()
    expect(asked).toEqual(asks)
  })
})
