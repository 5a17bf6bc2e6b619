import { describe, expect, test, vi } from 'vitest'
import { formatOf, openDocuments, splitDocument, type Document } from '../../src/documents/index.js'
import { bytesSource } from '../../src/files/byte-source.js'
import type { Passage } from '../../src/rag/index.js'
import { pdfOf } from './pdf.js'

/** Words stand for tokens. */
const WORDS = { maxLength: 64, countTokens: (text: string) => text.split(/\s+/).filter((word) => word !== '').length }

const bytesOf = (content: string | Uint8Array) =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content

async function entriesOf(file: string, content: string | Uint8Array) {
  const entries = []
  for await (const entry of openDocuments(bytesSource(bytesOf(content), file), file)) entries.push(entry)
  return entries
}

async function documentsOf(file: string, content: string | Uint8Array): Promise<Document[]> {
  return Promise.all((await entriesOf(file, content)).map((entry) => entry.load()))
}

async function passagesOf(file: string, content: string | Uint8Array): Promise<Passage[]> {
  const documents = await documentsOf(file, content)
  return (await Promise.all(documents.map((document) => splitDocument(document, WORDS)))).flat()
}

/** What stands in the file where the passage says that it comes from. */
function cited(source: string, passage: Passage): string {
  return source.slice(passage.source!.start, passage.source!.end)
}

describe('plain text', () => {
  test('is one block, named after the file, and every passage stands in the file as it is', async () => {
    const text = 'Zürich is a city 🏔.\r\nIt goes on\nhere. Second one.\n\n  Another paragraph.\n'
    const [document] = await documentsOf('notes/My notes.txt', `\ufeff${text}`)
    expect(document).toMatchObject({
      id: 'notes/My notes.txt',
      title: 'My notes',
      metadata: { file: 'notes/My notes.txt', format: 'text' },
    })
    const passages = await passagesOf('notes/My notes.txt', `\ufeff${text}`)
    expect(passages.map((passage) => passage.text)).toEqual([text.trim()])
    expect(passages[0].source).toEqual({
      file: 'notes/My notes.txt',
      headingPath: [],
      start: 0,
      end: text.trimEnd().length,
    })
    expect(cited(text, passages[0])).toBe(passages[0].text)
  })

  test('that is empty has no passages', async () => {
    expect(await passagesOf('a.txt', ' \n')).toEqual([])
    expect(await passagesOf('a.txt', '')).toEqual([])
  })

  test.each([
    ['bytes that are no UTF-8', Uint8Array.of(0x41, 0xff, 0xfe), 'not-utf8'],
    ['UTF-16', Uint8Array.of(0xff, 0xfe, 0x41, 0x00), 'not-utf8'],
    ['zero bytes', Uint8Array.of(0x41, 0x00, 0x42), 'binary'],
  ])('with %s is refused', async (_name, bytes, code) => {
    for (const file of ['a.txt', 'a.md', 'a.html']) {
      const [entry] = await entriesOf(file, bytes)
      await expect(entry.load()).rejects.toMatchObject({ code, message: expect.stringMatching(/^a\./) as string })
    }
  })
})

describe('Markdown', () => {
  const source = [
    '# Paris',
    '',
    'Paris is the **capital** of [France](https://example.org). It is old &amp; big.',
    'A `code` word.',
    '',
    '## History',
    '- one item',
    '- two',
    '  items',
    '',
    '> quoted',
    '> text',
    '',
    '<div>left out</div>',
    '',
    '```js',
    'let js = 1',
    '```',
    '# Lyon',
    'Lyon is a city.',
  ].join('\n')

  test('headings become title and path, marks are left out, and each passage leads to its place', async () => {
    const passages = await passagesOf('city.md', source)
    expect(passages.map(({ id, title, text, source }) => [id, title, text, source!.headingPath])).toEqual([
      ['city.md#1', 'Paris', 'Paris is the capital of France. It is old & big.\nA code word.', ['Paris']],
      ['city.md#2', 'Paris: History', 'one item\n\ntwo\nitems\n\nquoted\ntext\n\nlet js = 1', ['Paris', 'History']],
      ['city.md#3', 'Paris: Lyon', 'Lyon is a city.', ['Lyon']],
    ])
    expect(passages.map((passage) => cited(source, passage))).toEqual([
      source.slice(source.indexOf('Paris is'), source.indexOf('word.') + 5),
      source.slice(source.indexOf('one item'), source.indexOf('= 1') + 3),
      'Lyon is a city.',
    ])
  })

  test('front matter is no text, but names the document', async () => {
    const text = '---\ntitle: "Notes: one"\ntags: [a]\n---\nBody of it.'
    const [passage] = await passagesOf('n.md', text)
    expect(passage).toMatchObject({ title: 'Notes: one', text: 'Body of it.' })
    expect(cited(text, passage)).toBe('Body of it.')
  })
})

describe('HTML', () => {
  const source =
    '<!doctype html><html><head><title>T &amp; t</title><style>p { color: red }</style></head><body><nav>Menu</nav>' +
    '<h1>City <i>hall</i></h1><p>Hello   <b>big</b>\n world: &eacute;t&eacute; &amp; &#x1F5FC; co&colon; a &b.</p>' +
    '<table><tr><td>a</td><td>b c</td></tr><tr><td>d</td></tr></table><script>no()</script>' +
    '<h2>Sub</h2>loose text<pre>x\n  y</pre><ul><li>one<li>two</ul></body></html>'

  test('is read as a browser reads it, and each passage leads to its place', async () => {
    const passages = await passagesOf('page.html', source)
    expect(passages.map(({ title, text, source }) => [title, text, source!.headingPath])).toEqual([
      ['T & t: City hall', 'Hello big world: été & 🗼 co: a &b.\n\na | b c\n\nd', ['City hall']],
      ['T & t: Sub', 'loose text\n\nx\n  y\n\none\n\ntwo', ['City hall', 'Sub']],
    ])
    expect(passages.map((passage) => cited(source, passage))).toEqual([
      source.slice(source.indexOf('Hello'), source.indexOf('d</td></tr></table>') + 1),
      source.slice(source.indexOf('loose'), source.indexOf('two') + 3),
    ])
  })
})

describe('records', () => {
  test('JSON lines keep id and title; other fields are metadata', async () => {
    const documents = await documentsOf(
      'c.jsonl',
      '\ufeff{"id":"own","title":"France","text":"Paris.","year":1789,"big":true,"note":null}\r\n\r\n{"text":"No id."}\n',
    )
    expect(documents.map(({ id, record, title, metadata }) => ({ id, record, title, metadata }))).toEqual([
      {
        id: 'c.jsonl#own',
        record: 'own',
        title: 'France',
        metadata: { year: 1789, big: true, file: 'c.jsonl', format: 'jsonl' },
      },
      { id: 'c.jsonl#3', record: '3', title: '', metadata: { file: 'c.jsonl', format: 'jsonl' } },
    ])
    expect((await passagesOf('c.jsonl', '{"id":7,"text":"Paris."}'))[0]).toMatchObject({
      id: 'c.jsonl#7#1',
      text: 'Paris.',
      source: { file: 'c.jsonl', record: '7', start: 0, end: 6 },
    })
  })

  test('JSON is a list of records or one; without a text, the fields are the text', async () => {
    const passages = await passagesOf(
      'd.json',
      '[{"name":"Arlen","capital":{"name":"Brask","lakes":[1,2]},"none":null},{"text":"B."}]',
    )
    expect(passages.map(({ title, text }) => [title, text])).toEqual([
      ['d', 'name: Arlen\n\ncapital.name: Brask\n\ncapital.lakes: 1, 2'],
      ['', 'B.'],
    ])
    expect(await documentsOf('d.json', '{"id":"x","text":"One."}')).toMatchObject([{ id: 'd.json#x' }])
  })

  test('CSV finds its separator, keeps quoted line breaks, and leaves out empty rows', async () => {
    const documents = await documentsOf('t.csv', '\ufeffid;name;people\n1;"Brask;\nold";98000\n\n2;Veld;4000\n')
    expect(documents.map(({ id, blocks, metadata }) => [id, blocks[0].text, metadata])).toEqual([
      [
        't.csv#1',
        'id: 1\n\nname: Brask;\nold\n\npeople: 98000',
        { name: 'Brask;\nold', people: '98000', file: 't.csv', format: 'csv' },
      ],
      [
        't.csv#2',
        'id: 2\n\nname: Veld\n\npeople: 4000',
        { name: 'Veld', people: '4000', file: 't.csv', format: 'csv' },
      ],
    ])
  })

  test.each([
    ['a.jsonl', '{"text":"A."}\n{"text": no}', 'not-json', 'a.jsonl, line 2'],
    ['a.jsonl', '[1]', 'not-a-record', 'a.jsonl, line 1'],
    ['a.jsonl', '{"id":"x","text":"A."}\n{"id":"x","text":"B."}', 'duplicate-id', '"x" occurs twice'],
    ['a.jsonl', '{"id":"x","text":" "}', 'empty-passage', 'record "x"'],
    ['a.json', '{"text":', 'not-json', 'a.json'],
    ['a.json', '[{"text":"A."}, 3]', 'not-a-record', 'record 2'],
    ['a.csv', 'a,b\n1,"open', 'bad-csv', 'row'],
  ])('%s with %j is refused', async (file, content, code, message) => {
    await expect(entriesOf(file, content)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    })
  })

  test('a record keeps its hash wherever it stands, and changes it with any field', async () => {
    const hashes = async (...lines: string[]) => (await entriesOf('a.jsonl', lines.join('\n'))).map(({ hash }) => hash)
    const [a, b] = ['{"id":"a","text":"A."}', '{"id":"b","text":"B.","year":1}']
    const [first, second] = await hashes(a, b)
    expect(await hashes(b, a)).toEqual([second, first])
    expect((await hashes(a, b.replace('1', '2')))[1]).not.toBe(second)
  })
})

describe('PDF', () => {
  const pages = [['Arlen is a country in Europe.', 'Its capital is Brask.'], [], ['Veld is a city \\(old\\).']]

  test('passages know their page, and where they stand in its text', async () => {
    const passages = await passagesOf('a.pdf', pdfOf(pages, 'On Arlen'))
    expect(
      passages.map(({ title, text, source }) => ({
        title,
        text,
        page: source!.page,
        start: source!.start,
        end: source!.end,
      })),
    ).toEqual([
      { title: 'On Arlen', text: 'Arlen is a country in Europe.\nIts capital is Brask.', page: 1, start: 0, end: 51 },
      { title: 'On Arlen', text: 'Veld is a city \\(old\\).', page: 3, start: 0, end: 23 },
    ])
  })

  test('without text, or that is none, is refused', async () => {
    const load = async (bytes: Uint8Array) => (await entriesOf('a.pdf', bytes))[0].load()
    await expect(load(pdfOf([[], []]))).rejects.toMatchObject({
      code: 'no-text',
      message: expect.stringContaining('2 pages') as string,
    })
    await expect(load(bytesOf('no pdf'))).rejects.toMatchObject({ code: 'bad-pdf' })
  })
})

test('formats go by the end of the name; others are refused', async () => {
  expect(
    ['a.TXT', 'b/c.markdown', 'd.htm', 'e.tar.gz', 'pdf', '.json', 'toString', 'a.toString'].map(formatOf),
  ).toEqual(['text', 'markdown', 'html', undefined, undefined, 'json', undefined, undefined])
  await expect(entriesOf('a.docx', 'x')).rejects.toMatchObject({
    code: 'unknown-format',
    message: expect.stringContaining('.md') as string,
  })
})

test.each([
  ['a.pdf', 'unpdf'],
  ['a.md', 'mdast-util-from-markdown'],
  ['a.html', 'parse5'],
  ['a.csv', 'papaparse'],
])('without its parser, %s says how to install it', async (file, name) => {
  vi.doMock(name, () => {
    throw new Error(`Cannot find package '${name}'`)
  })
  try {
    const load = async () => (await documentsOf(file, 'a,b\n1,2'))[0]
    await expect(load()).rejects.toMatchObject({
      code: 'parser-missing',
      message: expect.stringContaining(`npm install ${name}`) as string,
    })
  } finally {
    vi.doUnmock(name)
  }
})
