/**
 * Every word of a passage leads to its place. Lines are told by the texts themselves: the word `line7` stands in line 7 of each.
 */
import { describe, expect, test } from 'vitest'
import { openDocuments, splitDocument, type Document } from '../../src/documents/index.js'
import { bytesSource } from '../../src/files/byte-source.js'
import { placeInSource, type Passage } from '../../src/rag/index.js'
import { pdfOf } from './pdf.js'

/** Ten words a passage or so, that many begin in the middle. */
const WORDS = { maxLength: 16, countTokens: (text: string) => text.split(/\s+/).filter(Boolean).length }

async function read(file: string, content: string | Uint8Array) {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const documents: Document[] = []
  for await (const entry of openDocuments(bytesSource(bytes, file), file)) documents.push(await entry.load())
  const passages = (await Promise.all(documents.map((document) => splitDocument(document, WORDS)))).flat()
  return { documents, passages }
}

const ENTITIES: Readonly<Record<string, string>> = { '&eacute;': 'é', '&auml;': 'ä', '&#x1F5FC;': '🗼' }

/** Every word with what the place cites of the source and its line. */
function wordsOf(passages: readonly Passage[], source: string) {
  return passages.flatMap((passage) =>
    Array.from(passage.text.matchAll(/[\p{L}\p{N}\p{So}]+/gu), ({ 0: word, index }) => {
      const { start, end, line } = placeInSource(passage, index, index + word.length)!
      return { word, cited: source.slice(start, end), start, line }
    }),
  )
}

/** @param labels words that were put in front of cells */
function expectPlaces(passages: readonly Passage[], source: string, labels: readonly string[] = []): void {
  const words = wordsOf(passages, source)
  for (const { word, cited, start, line } of words) {
    if (labels.includes(word) && cited === '') continue
    expect(cited.replace(/&#?\w+;/g, (entity) => ENTITIES[entity])).toBe(word)
    const own = /^line(\d+)$/.exec(word)
    if (own) expect(line, word).toBe(Number(own[1]))
    expect(line).toBe(source.slice(0, start).split('\n').length)
  }
  const lines = Array.from(source.matchAll(/line\d+/g), ([word]) => word)
  expect(words.map(({ word }) => word).filter((word) => lines.includes(word))).toEqual(lines)
}

const MARKDOWN = [
  '---',
  'title: Places',
  '---',
  'Text of line4 with an &eacute;t&eacute; and **bold** [words of line4](http://x "y").',
  'It goes on in line5, where Br&auml;sk is `a code` word of line5.',
  '',
  '- an item of line7',
  '  - one in it, of line8',
  '    that goes on in line9',
  '    - deeper, &#x1F5FC; in line10 and *still* line10',
  '',
  '> quoted in line12',
  '> and line13',
  '',
  '| City | Since |',
  '|---|---|',
  '| Br&auml;sk line17 | 1847 |',
  '| Hull | line18 |',
  '',
  '```js',
  'const line21 = 1',
  '',
  '  line23()',
  '```',
  '<div>HTML of <b>line25</b>',
  'and line26 in it</div>',
  '',
]
const HTML = [
  '<!doctype html>',
  '<title>T</title><h1>Places</h1>',
  '<p>Text of line3 with an &eacute;t&eacute;   and <b>bold</b>',
  '  words of line4, that <i>go on',
  '  in line5</i>.',
  '<table>',
  '<tr><th>City<th>Since</tr>',
  '<tr><td>Br&auml;sk',
  '  line9<td>1847 line9',
  '<tr><td>Hull line10<td>1900',
  '</table>',
  '<ul><li>line12<ul><li>nested &#x1F5FC; line12</ul></ul>',
  '<dl><dt>line13<dd>Described in line13.',
  '</dl><pre>',
  'line15 &eacute;',
  '',
  '  line17</pre>',
]

describe('every word leads to its place and line', () => {
  for (const [name, end] of [
    ['Unix', '\n'],
    ['Windows', '\r\n'],
  ]) {
    test(`in Markdown with the line ends of ${name}`, async () => {
      const source = MARKDOWN.join(end)
      expectPlaces((await read('a.md', source)).passages, source, ['City', 'Since'])
    })

    test(`in HTML with the line ends of ${name}`, async () => {
      const source = HTML.join(end)
      expectPlaces((await read('a.html', source)).passages, source, ['City', 'Since'])
    })

    test(`in plain text with the line ends of ${name} and a byte-order mark`, async () => {
      const lines = Array.from({ length: 30 }, (_, i) => `Some words 🏔 of line${i + 1}.${' '.repeat(i % 3)}`)
      const source = lines.join(end)
      expectPlaces((await read('a.txt', `\ufeff${source}`)).passages, source)
    })
  }

  test('in the pages of a PDF, counted in the text of each', async () => {
    const page = ['Words of line1 here', 'and of line2, which is long.', 'At last line3.']
    const { documents, passages } = await read('a.pdf', pdfOf([page, page], 'T'))
    const [first, second] = documents[0].blocks.map(({ source }) => source)
    expect(first.split('\n').map((line) => line.trim())).toEqual(page)
    const onPage = (number: number) => passages.filter(({ source }) => source!.page === number)
    expectPlaces(onPage(1), first)
    expectPlaces(onPage(2), second)
    expect(onPage(1).length + onPage(2).length).toBe(passages.length)
  })

  test.each([
    [
      'a.csv',
      'name,note\nBrask line1,"said in line3\nand line4"\n',
      'name: Brask line1\n\nnote: said in line3\nand line4',
    ],
    ['a.json', '[{"id":"x","text":"Of line1\\nand line2, \\u00e9."}]', 'Of line1\nand line2, é.'],
    ['a.jsonl', '{"text":"Of line1.\\n\\nAnd line3."}\n', 'Of line1.\n\nAnd line3.'],
  ])('in a record of %s, counted in its own text', async (file, content, text) => {
    const { documents, passages } = await read(file, content)
    expect(documents.map(({ blocks }) => blocks[0].source)).toEqual([text])
    expectPlaces(passages, text)
  })
})

describe('places of a passage', () => {
  test('are one where the text stands there as it is', async () => {
    const text = 'One is here.\nTwo is here, too, and it is a long one. Three is here and goes on.\nFour.'
    const { passages } = await read('a.txt', text)
    expect(passages.map(({ text, source }) => [text.length, source!.places])).toEqual([
      [52, [[0, 52, 0, 1]]],
      [32, [[0, 32, 53, 2]]],
    ])
  })

  test('of what was decoded name all that it was made of, and what was put between is in none', async () => {
    const source = '<p>a &eacute;t&eacute;\nb<p>c'
    const { passages } = await read('a.html', source)
    expect(passages.map(({ text, source }) => [text, source!.places])).toEqual([
      [
        'a été b\n\nc',
        [
          [0, 2, 3, 1],
          [2, 3, 5, 1, 22],
          [6, 1, 23, 2],
          [9, 1, 27, 2],
        ],
      ],
    ])
    const placeOf = (words: string) => {
      const at = passages[0].text.indexOf(words)
      const { start, end, line } = placeInSource(passages[0], at, at + words.length)!
      return [source.slice(start, end), line]
    }
    expect(placeOf('é')).toEqual(['&eacute;t&eacute;', 1])
    expect(placeOf('té b')).toEqual(['&eacute;t&eacute;\nb', 1])
    expect(placeOf('b\n\nc')).toEqual(['b<p>c', 2])
    expect(placeOf('\n\n')).toEqual(['', 2])
  })

  test('of what a browser moved are the range that holds all, and its line', async () => {
    const source = '<p>Before.\n<table><tr>\n<td>Inside.\n</td>Outside.</tr></table>'
    const [passage] = (await read('a.html', source)).passages
    expect(passage.text).toBe('Before. Outside.\n\nInside.')
    const { start, end, line } = placeInSource(passage, 8, passage.text.length)!
    expect([source.slice(start, end), line]).toEqual(['Inside.\n</td>Outside.', 3])
  })

  test('of the whole passage are where it says that it is', async () => {
    for (const [file, lines] of [
      ['a.md', MARKDOWN],
      ['a.html', HTML],
    ] as const) {
      const { passages } = await read(file, lines.join('\n'))
      expect(passages.length).toBeGreaterThan(3)
      for (const passage of passages) {
        const { start, end, headingPath } = passage.source!
        expect(placeInSource(passage, 0, passage.text.length)).toMatchObject({ file, start, end, headingPath })
      }
    }
  })
})
