import { readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { formatOf, openDocuments, splitDocument, type Document } from '../../src/documents/index.js'
import { sourceRange } from '../../src/documents/mapped-text.js'
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
      places: [[0, text.trimEnd().length, 0, 1]],
    })
    expect(cited(text, passages[0])).toBe(passages[0].text)
  })

  test('that is empty has no passages', async () => {
    expect(await passagesOf('a.txt', ' \n')).toEqual([])
    expect(await passagesOf('a.txt', '')).toEqual([])
  })

  test.each([
    ['bytes that are no UTF-8', Uint8Array.of(0x41, 0xff, 0xfe), 'not-utf8'],
    ['half a character of UTF-16', Uint8Array.of(0xff, 0xfe, 0x41), 'bad-encoding'],
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
    '<div title="no">in <b>HTML</b></div>',
    '<!-- a comment -->',
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
      [
        'city.md#2',
        'Paris: History',
        'one item\n\ntwo\nitems\n\nquoted\ntext\n\nin HTML\n\nlet js = 1',
        ['Paris', 'History'],
      ],
      ['city.md#3', 'Paris: Lyon', 'Lyon is a city.', ['Lyon']],
    ])
    expect(passages.map((passage) => cited(source, passage))).toEqual([
      source.slice(source.indexOf('Paris is'), source.indexOf('word.') + 5),
      source.slice(source.indexOf('one item'), source.indexOf('= 1') + 3),
      'Lyon is a city.',
    ])
  })

  test('front matter is no text, but names the document', async () => {
    const text = '---\ntitle: "Notes: one"\ntags:\n  - a\n  - 2\nyear: 2020\nfile: x\nlong: {a: 1}\n---\nBody of it.'
    const [passage] = await passagesOf('n.md', text)
    expect(passage).toMatchObject({ title: 'Notes: one', text: 'Body of it.' })
    expect(passage.metadata).toEqual({ tags: ['a', 2], year: 2020, file: 'n.md', format: 'markdown' })
    expect(cited(text, passage)).toBe('Body of it.')
  })
})

describe('Markdown of GitHub', () => {
  test('rows of tables are lines that can be read alone', async () => {
    const source =
      '| Country | *Capital* | Since |\n|---|:-:|--|\n| Arlen | [Brask](x) | 1847 |\n| a \\| b | | `1900` |\n\n| only | heads |\n|--|--|'
    const lines = ['Country: Arlen; Capital: Brask; Since: 1847', 'Country: a | b; Since: 1900', 'only; heads']
    const small = { maxLength: 16, countTokens: (text: string) => 15 + Number(text.includes('\n')) * 5 }
    const [document] = await documentsOf('t.md', source)
    expect(document.blocks.map(({ text }) => text)).toEqual([lines.join('\n\n')])
    const passages = await splitDocument({ ...document, title: '' }, small)
    expect(passages.map(({ text }) => text)).toEqual(lines)
    expect(passages.map((passage) => cited(source, passage))).toEqual([
      'Arlen | [Brask](x) | 1847',
      'a \\| b | | `1900',
      'only | heads',
    ])
  })

  test('footnotes, images, addresses, crossed-out words and HTML in quotations are text, each at its place', async () => {
    const source =
      'See[^1] ![the flag](f.png) at www.x.org, ~~old~~<br>new.\n\n- [x] done\n\n[^1]: A note.\n\n> <p>in\n> <i>HTML</i></p>\n\n[ref]: http://x'
    const [{ text, spans }] = (await documentsOf('t.md', source))[0].blocks
    expect(text).toBe('See the flag at www.x.org, old\nnew.\n\ndone\n\nA note.\n\nin HTML')
    const place = (words: string) => {
      const at = text.indexOf(words)
      const { start, end } = sourceRange(spans, at, at + words.length)
      return source.slice(start, end)
    }
    for (const words of ['the flag', 'www.x.org', 'old', 'new', 'done', 'A note.', 'HTML']) {
      expect(place(words)).toBe(words)
    }
  })

  test('text between dashes that is no list of fields is text; what is not YAML is refused, with its line', async () => {
    expect((await passagesOf('a.md', '---\nOnly text.\n---\nMore.'))[0].text).toContain('More.')
    const [entry] = await entriesOf('a.md', '---\na: 1\nb: c: d\n---\nMore.')
    await expect(entry.load()).rejects.toMatchObject({
      code: 'bad-front-matter',
      message: expect.stringContaining('a.md, line 3: ') as string,
    })
  })
})

describe('tables of HTML', () => {
  const linesOf = async (table: string) =>
    (await documentsOf('t.html', `<table>${table}</table>`))[0].blocks.map(({ text }) => text.split('\n\n')).flat()

  test.each([
    ['headers of columns', '<tr><th>City<th>Since</tr><tr><td>Brask<td>1847<tr><td>Veld<td>', ['City: Brask; Since: 1847', 'City: Veld']], // prettier-ignore
    ['headers in two rows', '<thead><tr><td rowspan=2>City<td colspan=2>People<tr><td>1900<td>2000</thead><tr><td>Brask<td>1<td>2', ['City: Brask; People 1900: 1; People 2000: 2']], // prettier-ignore
    ['headers of rows', '<tr><th>Capital<td>Brask</tr><tr><th colspan=2>Places<tr><td>a<td>b', ['Capital: Brask', 'Places', 'a; b']], // prettier-ignore
    ['both', '<tr><td></td><th>1900</th></tr><tr><th>Brask</th><td>1</td></tr>', ['1900', 'Brask: 1']],
    ['cells that reach down', '<tr><th>Land<th>City<tr><td rowspan=2>Arlen<td>Brask<tr><td>Hull<tr><td>Veld<td>Sorn', ['Land: Arlen; City: Brask', 'Land: Arlen; City: Hull', 'Land: Veld; City: Sorn']], // prettier-ignore
    ['blocks in cells', '<caption>All</caption><tr><th>A<th>B<tr><td><p>one</p><ul><li>two<li>three</ul><td>x<br>y', ['All', 'A: one two three; B: x y']], // prettier-ignore
    ['blocks beside each other', '<tr><td><h2>Left</h2><p>One.</p><p>Two.</p><td>Right.', ['One.', 'Two.', 'Right.']],
    ['a header that names the paragraphs of cells', '<tr><th><p>Column</p><p>About</p><th>Since<tr><td><p>pid <i>int</i></p><p>Of the process.</p><p>x</p><td><p>1</p><p>2</p>', ['pid int: Of the process. x; Since: 1 2']], // prettier-ignore
    ['widths beyond all bounds', '<tr><th colspan=999999999>A<tr><td rowspan=99999999 colspan=9999999>x<td>y', ['A', 'x; y']], // prettier-ignore
  ])('with %s', async (_name, table, lines) => {
    expect(await linesOf(table)).toEqual(lines)
  })

  test('lead to their places', async () => {
    const source = '<table><tr><th>Land<th>City<tr><td rowspan=2>Arlen<td>Br&auml;sk <tr><td>Hull</table>'
    const [document] = await documentsOf('t.html', source)
    const small = { maxLength: 16, countTokens: (text: string) => 15 + Number(text.includes('\n')) * 5 }
    const passages = await splitDocument({ ...document, title: '' }, small)
    expect(passages.map(({ text }) => text)).toEqual(['Land: Arlen; City: Bräsk', 'Land: Arlen; City: Hull'])
    expect(passages.map((passage) => cited(source, passage))).toEqual(['Arlen<td>Br&auml;sk', 'Hull'])
  })
})

test('what a browser moves out of a table is cited with all that lies between', async () => {
  const source = '<p>Before.</p><table><tr><td>Inside.</td>Outside.</tr></table>'
  const [passage] = await passagesOf('t.html', source)
  expect(passage.text).toBe('Before.\n\nOutside.\n\nInside.')
  expect(cited(source, passage)).toBe('Before.</p><table><tr><td>Inside.</td>Outside.')
})

test('a page in an encoding that it declares is read in it, and one that is not what it declares is refused', async () => {
  const page = (charset: string, bytes: readonly number[]) =>
    Uint8Array.from([...bytesOf(`<meta charset="${charset}"><p>Z`), ...bytes, ...bytesOf('rich')])
  expect((await passagesOf('a.html', page('windows-1252', [0xfc])))[0].text).toBe('Zürich')
  expect((await passagesOf('a.html', page('Shift_JIS', [0x83, 0x7d])))[0].text).toBe('Zマrich')
  expect((await passagesOf('a.html', page('utf-16', [0xc3, 0xbc])))[0].text).toBe('Zürich')
  for (const [charset, code] of [
    ['utf-8', 'not-utf8'],
    ['euc-jp', 'bad-encoding'],
    ['klingon', 'unknown-encoding'],
  ]) {
    // prettier-ignore
    const [entry] = await entriesOf('a.html', page(charset, [0xfc]))
    await expect(entry.load()).rejects.toMatchObject({ code, message: expect.stringMatching(/^a\.html: /) as string })
  }
})

test('a page that is nested beyond all bounds is refused, or read', async () => {
  const [entry] = await entriesOf('a.html', '<div>'.repeat(100_000))
  await expect(entry.load()).rejects.toMatchObject({ code: 'parser-failed' })
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
      ['T & t: City hall', 'Hello big world: été & 🗼 co: a &b.\n\na; b c\n\nd', ['City hall']],
      ['T & t: City hall: Sub', 'loose text\n\nx\n  y\n\none\n\ntwo', ['City hall', 'Sub']],
    ])
    expect(passages.map((passage) => cited(source, passage))).toEqual([
      source.slice(source.indexOf('Hello'), source.indexOf('d</td></tr></table>') + 1),
      source.slice(source.indexOf('loose'), source.indexOf('two') + 3),
    ])
  })
})

describe('lists of definitions in HTML', () => {
  const partsOf = async (html: string) =>
    (await documentsOf('t.html', html))[0].blocks.map(({ headingPath, text }) => [headingPath.join(' > '), text])
  const long = 'It says a lot. '.repeat(30).trim()

  test.each([
    ['terms as beginnings of their descriptions', '<dl><dt>-c</dt><dd><p>Cleans.</p><p>Early.</p></dd><dt>-x<dd>Stops.</dl>', '-c: Cleans.\n\nEarly.\n\n-x: Stops.'], // prettier-ignore
    ['several terms', '<dl><dt><b>-c<br></b><b>--clean</b><dt>-C</dt><dd>Cleans.</dl>', '-c, --clean, -C: Cleans.'],
    ['groups', '<dl><div><dt>a<dd>One.</div><div><dt>b<dd>Two.</div></dl>', 'a: One.\n\nb: Two.'],
    ['labels', '<dl><dt>Returns:</dt><dd>One.</dd></dl>', 'Returns: One.'],
    ['descriptions that begin with no words', '<dl><dt>a<dd><ul><li>One.</ul><dt>b<dd><pre>two</pre><dt>c<dd><dl><dt>d<dd>e</dl></dl>', 'a\n\nOne.\n\nb\n\ntwo\n\nc\n\nd: e'], // prettier-ignore
    [
      'something missing',
      '<dl><dd>One.</dd><dt></dt><dd>Two.</dd><dt>a</dt></dl>Three.',
      'One.\n\nTwo.\n\na\n\nThree.',
    ],
    ['cells of tables around them', '<table><tr><td>x<td><dl><dt>a<dd>One.</dl></table>', 'x\n\na: One.'],
  ])('with %s', async (_name, html, text) => {
    expect(await partsOf(html)).toEqual([['', text]])
  })

  test('a term is the heading of a long description, and not of what comes behind it', async () => {
    const html = `<h2>Options</h2><dl><dt>f(one, two=None, *)<dd><p>${long}<dl><dt>-i<dd>In it.</dl><dt>-b<dd>Short.</dl>After.`
    expect(await partsOf(html)).toEqual([
      ['Options > f()', `f(one, two=None, *): ${long}\n\n-i: In it.`],
      ['Options', '-b: Short.\n\nAfter.'],
    ])
    expect(await partsOf(`<h2>f</h2><dl><dt>Parameters:<dd>${long}</dl>`)).toEqual([['f', `Parameters: ${long}`]])
  })

  test('lead to their places', async () => {
    const source = '<dl><dt><b>-c<br></b><b>--clean</b><dd><p>Cl&auml;rs all.</p></dl><p>x'
    const [document] = await documentsOf('t.html', source)
    const small = { maxLength: 16, countTokens: (text: string) => 15 + Number(text.includes('\n')) * 5 }
    const passages = await splitDocument({ ...document, title: '' }, small)
    expect(passages.map(({ text }) => text)).toEqual(['-c, --clean: Clärs all.', 'x'])
    expect(cited(source, passages[0])).toBe('-c<br></b><b>--clean</b><dd><p>Cl&auml;rs all.')
  })
})

describe('what of a page is not its text', () => {
  const textsOf = async (html: string) => (await passagesOf('t.html', html)).map(({ title, text }) => [title, text])

  test('marks behind headings and terms', async () => {
    const mark = '<a class="headerlink" href="#x" title="Permalink">¶</a>'
    const html = `<h1>One${mark}</h1><dl><dt>a${mark}<dd>Two, see <a href="#y">there</a> ¶.</dl>`
    expect(await textsOf(html)).toEqual([['One', 'a: Two, see there ¶.']])
  })

  test('navigation, by element, role or the classes of DocBook', async () => {
    const html =
      '<body class=toc><div class="navheader"><table><tr><th>Up</table></div><div role="navigation"><h3>Menu</h3></div>' +
      '<form role=search>Go</form><h2>One</h2><div class="toc"><p>Contents</p></div>Two.<div class="navfooter">Next</div>'
    expect(await textsOf(html)).toEqual([['One', 'Two.']])
  })

  test('all around its one main part', async () => {
    const around = (main: string) => `<title>T</title><div>Above</div>${main}<div class=footer>© me</div>`
    expect(await textsOf(around('<main>Text.</main>'))).toEqual([['T', 'Text.']])
    expect(await textsOf(around('<div role=main>Text.</div>'))).toEqual([['T', 'Text.']])
    expect(await textsOf(around('<main><br></main>'))).toEqual([['T', 'Above\n\n© me']])
    expect(await textsOf(around('<main>One.</main><main>Two.</main>'))).toEqual([
      ['T', 'Above\n\nOne.\n\nTwo.\n\n© me'],
    ])
  })

  test('the name of the site behind the heading in its title', async () => {
    const titleOf = async (title: string) =>
      (await documentsOf('t.html', `<title>${title}</title><h1>Dogs</h1>x`))[0].title
    expect(await titleOf('Dogs — Animals 1.2')).toBe('Dogs')
    expect(await titleOf('Dogs: a book')).toBe('Dogs')
    expect(await titleOf('Dogs and cats')).toBe('Dogs and cats')
    expect(await titleOf('Animals — Dogs')).toBe('Animals — Dogs')
  })
})

test('the heading of a remark in HTML is in front of it, and holds no further', async () => {
  const blocksOf = async (html: string) =>
    (await documentsOf('t.html', html))[0].blocks.map(({ headingPath, text }) => [headingPath.join(' > '), text])
  const docbook = '<h2>A</h2>One.<div class="note"><h3 class="title">Note</h3><p>Two.</p></div><p>Three.'
  const sphinx = '<h2>A</h2>One.<div class="admonition note"><p class="admonition-title">Note<p>Two.</div>Three.'
  for (const html of [docbook, sphinx]) expect(await blocksOf(html)).toEqual([['A', 'One.\n\nNote: Two.\n\nThree.']])
  expect(await blocksOf('<h2>A</h2>One.<div class="tip"><h3>Tip</h3></div>Two.')).toEqual([
    ['A', 'One.\n\nTip\n\nTwo.'],
  ])
  expect(await blocksOf('<h2>A</h2>One.<aside><h2>B</h2>Two.</aside>Three.')).toEqual([
    ['A', 'One.'],
    ['B', 'Two.'],
    ['A', 'Three.'],
  ])
})

test('words of HTML stand in their sentence, in elements that are out of use too', async () => {
  const html = '<h1>A<br>b</h1>The <acronym>CIDR</acronym> <big>mask</big>.'
  expect(await passagesOf('t.html', html)).toMatchObject([{ title: 'A b', text: 'The CIDR mask.' }])
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

  test('of CSV may have cells without a name, and tabs or bars between them', async () => {
    const texts = async (file: string, content: string) =>
      (await documentsOf(file, content)).map(({ blocks }) => blocks[0].text)
    expect(await texts('t.csv', ',b\r\n0,1,more\r\n')).toEqual(['column 1: 0\n\nb: 1\n\ncolumn 3: more'])
    expect(await texts('t.tsv', 'a\tb, c\n1\t2,5\n')).toEqual(['a: 1\n\nb, c: 2,5'])
    expect(await texts('t.csv', 'a|b\n1|"x"\n2|y\n')).toEqual(['a: 1\n\nb: x', 'a: 2\n\nb: y'])
    expect(await texts('t.csv', 'alone\n1\n')).toEqual(['alone: 1'])
  })

  test('lists of values are metadata too', async () => {
    const [{ metadata }] = await documentsOf('a.jsonl', '{"text":"A.","tags":["a",1],"vector":[[1]],"none":[null]}')
    expect(metadata).toEqual({ tags: ['a', 1], file: 'a.jsonl', format: 'jsonl' })
  })

  test.each([
    ['a.jsonl', '{"text":"A."}\n{"text": no}', 'not-json', 'a.jsonl, line 2'],
    ['a.jsonl', '[1]', 'not-a-record', 'a.jsonl, line 1'],
    ['a.jsonl', '{"id":"x","text":"A."}\n{"id":"x","text":"B."}', 'duplicate-id', '"x" occurs twice'],
    ['a.jsonl', '{"id":"x","text":" "}', 'empty-passage', 'record "x"'],
    ['a.json', '{"text":', 'not-json', 'a.json'],
    ['a.json', '[{"text":"A."}, 3]', 'not-a-record', 'record 2'],
    ['a.csv', 'a,b\n1,"open', 'bad-csv', 'row'],
    ['a.csv', 'a,b,a\n1,2,3', 'bad-csv', 'two columns have the name "a"'],
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

/** What other programs made; make_files.py says how. */
describe('files of other programs', () => {
  const load = async (name: string) => {
    const bytes = new Uint8Array(readFileSync(new URL(`files/${name}`, import.meta.url)))
    return documentsOf(name, bytes)
  }
  const textOf = ({ blocks }: Document) =>
    blocks.map(({ headingPath, page, text }) => [headingPath.join(' > '), page, text.replace(/(?<!\n)\n(?!\n)/g, ' ')])

  test('a report in two columns, of ReportLab', async () => {
    const [document] = await load('columns.pdf')
    expect(document.title).toBe('The country of Arlen')
    const [arlen, geography, history, later] = textOf(document)
    expect(arlen).toEqual([
      'The country of Arlen',
      1,
      'Arlen is a country in the north of Europe, whose internationally known waterfalls lie near Brask. ' +
        'Its capital is Brask, a well-known centre. It is also a well-known port of the north.',
    ])
    const sentence = 'The column on the left ends within a sentence that goes on in the next.'
    expect(geography).toEqual(['The country of Arlen > Geography', 1, Array(9).fill(sentence).join(' ')])
    const path = 'The country of Arlen > History'
    expect(history).toEqual([path, 1, 'Veld became the second city in 1923. It lies on the river Sorn.'])
    expect(later).toEqual([path, 3, 'The Sorn was bridged in 1950.'])
  })

  test('the same, encrypted, is refused', async () => {
    await expect(load('encrypted.pdf')).rejects.toMatchObject({
      code: 'encrypted',
      message: 'encrypted.pdf: is encrypted; save a copy without a password',
    })
  })

  test('a page that chromium printed', async () => {
    const [document] = await load('printed.pdf')
    expect(document.title).toBe('Tea notes')
    expect(textOf(document)).toEqual([
      ['Tea notes', 1, 'Tea is a drink made of leaves.'],
      ['Tea notes > Green tea', 1, 'Green tea is made of leaves from Arlen. The left column goes on for some lines, so that it can be told how far lines are apart.\n\nThe right column: Brask.'], // prettier-ignore
      ['Tea notes > Prices', 1, 'Kind Price\n\nGreen 4 crowns\n\nBlack 3 crowns'],
    ])
  })

  test.each([
    ['pandoc.md', 'capital. See', 'Since 1847.'],
    ['pandoc.html', 'capital.1 See', 'Since 1847.↩︎'],
  ])('%s', async (name, capital, note) => {
    const [document] = await load(name)
    expect(document.title).toBe('Arlen: a country')
    expect(textOf(document)).toEqual([
      [
        'Cities',
        undefined,
        [
          `Brask is the ${capital} the map and the flag.`,
          'City: Brask; Inhabitants: 98,000; River: Sorn',
          'City: Veld | old; Inhabitants: 12,500',
          'print("Sorn")',
          note,
        ].join('\n\n'),
      ],
    ])
    if (name === 'pandoc.md') expect(document.metadata).toMatchObject({ tags: ['europe', 'north'], draft: false })
  })

  test('a page in Latin-1, and a table in UTF-16 of a Python program', async () => {
    expect((await load('latin1.html'))[0].blocks[0].text).toBe('Zürich liegt in der Schweiz.')
    const documents = await load('utf16.csv')
    expect(documents.map(({ title, blocks }) => [title, blocks[0].text])).toEqual([
      ['Zürich', 'A city, "old"\nand big'],
      ['Genève', 'Une ville'],
    ])
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
  ['b.md', 'mdast-util-gfm'],
  ['c.md', 'micromark-extension-gfm'],
  ['front.md', 'yaml'],
])('without its parser, %s says how to install it', async (file, name) => {
  vi.doMock(name, () => {
    throw new Error(`Cannot find package '${name}'`)
  })
  try {
    const load = async () => (await documentsOf(file, file === 'front.md' ? '---\na: b\n---' : 'a,b\n1,2'))[0]
    await expect(load()).rejects.toMatchObject({
      code: 'parser-missing',
      message: expect.stringContaining(`npm install ${name}`) as string,
    })
  } finally {
    vi.doUnmock(name)
  }
})
