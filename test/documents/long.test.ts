/**
 * Long texts in what is our own: the time grows with their length and not with its square, and others get their turn. Each of these took minutes.
 */
import { expect, test } from 'vitest'
import { openDocuments, splitDocument, type Document, type TokenCounter } from '../../src/documents/index.js'
import { PdfLayout, pageOf } from '../../src/documents/pdf-lines.js'
import { bytesSource } from '../../src/files/byte-source.js'
import { longRow, openTags } from './hostile.js'

const WORDS = { maxLength: 64, countTokens: (text: string) => text.split(/\s+/).filter((word) => word !== '').length }

async function documentOf(file: string, text: string): Promise<Document> {
  for await (const entry of openDocuments(bytesSource(new TextEncoder().encode(text)), file)) return entry.load()
  throw new Error('no document')
}

test('a row of 600 KB is split into passages that hold all of it', async () => {
  const document = await documentOf('a.csv', longRow(600_000))
  const passages = await splitDocument(document, WORDS)
  expect(passages.map(({ text }) => text).join(' ')).toBe('word '.repeat(120_000).trim())
  expect(Math.max(...passages.map(({ text }) => WORDS.countTokens(text)))).toBeLessThanOrEqual(64)
})

test('of 3 MB without a space, no more than 64 Ki characters are looked at between two turns of the event loop', async () => {
  const document = await documentOf('a.html', openTags(3_000_000))
  let longest = 0
  const counter: TokenCounter = {
    maxLength: 64,
    countTokens: (text) => {
      longest = Math.max(longest, text.length)
      return text.length
    },
  }
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 500)
  const split = splitDocument(document, counter, { signal: controller.signal })
  await expect(split).rejects.toMatchObject({ code: 'aborted' })
  expect(longest).toBeLessThanOrEqual(2 ** 16)
})

test('a sentence is found whole though it lies across a stretch of text', async () => {
  const sentences = Array.from({ length: 20_000 }, (_, i) => `This is sentence number ${i}.`)
  const counter = { maxLength: 16, countTokens: (text: string) => (text.match(/[.]/g)?.length ?? 0) * 8 }
  const passages = await splitDocument({ ...(await documentOf('a.txt', sentences.join(' '))), title: '' }, counter)
  expect(passages.flatMap(({ text }) => text.split(/(?<=\.) /))).toEqual(sentences)
})

test('a title of 100,000 words is cut', async () => {
  const title = 'word '.repeat(100_000)
  const [passage] = await splitDocument({ ...(await documentOf('a.txt', 'Text.')), title }, WORDS)
  expect(WORDS.countTokens(passage.title)).toBe(32)
})

test.each(['a.md', 'a.html'])(
  'a heading of 100,000 words in %s is a text, and does not stand in each passage',
  async (file) => {
    const words = 'word '.repeat(100_000).trim()
    const { blocks, title } = await documentOf(file, file === 'a.md' ? `# ${words}\n\nText.` : `<h1>${words}</h1>Text.`)
    expect(blocks.map(({ headingPath, text }) => [headingPath, text])).toEqual([[[], `${words}\n\nText.`]])
    expect(title).toBe('a')
  },
)

test('an id that would make each passage long is refused', async () => {
  const record = JSON.stringify({ id: 'x'.repeat(100_000), text: 'Text.' })
  await expect(documentOf('a.jsonl', record)).rejects.toMatchObject({ code: 'long-id' })
})

test('a table of 90,000 columns is read', async () => {
  const names = Array.from({ length: 90_000 }, (_, i) => `c${i}`)
  const document = await documentOf('a.csv', `${names.join()}\n${names.map(() => 'x').join()}\n`)
  expect(document.blocks[0].text.startsWith('c0: x\n\nc1: x\n\n')).toBe(true)
  expect(JSON.stringify(document.metadata).length).toBeLessThan(10_000) // each passage carries it
})

test('lines with the ends of Windows and entities lead to their places', async () => {
  const source = `<pre>${'one &amp; two\r\n'.repeat(100_000)}</pre>`
  const { text, spans } = (await documentOf('a.html', source)).blocks[0]
  expect(text).toBe('one & two\n'.repeat(100_000))
  const { at, start } = spans.findLast(({ at }) => text.startsWith('two', at + 1))!
  expect(source.slice(start, start + 4)).toBe(text.slice(at, at + 4))
})

test('lists of definitions within each other are read', async () => {
  const depth = 400
  const { blocks } = await documentOf('a.html', `${'<dl><dt>a<dd>'.repeat(depth)}${'Tea. '.repeat(400_000)}`)
  expect(blocks.at(-1)!.text.includes('a: Tea. Tea.')).toBe(true)
  expect(blocks.at(-1)!.headingPath).toHaveLength(20) // each passage carries them
})

test('a line of a PDF may be long, and there may be many', () => {
  const items = Array.from({ length: 100_000 }, () => ({ str: 'x'.repeat(20), y: 0, fontSize: 12, hasEOL: true }))
  const long = pageOf([{ str: 'x'.repeat(500_000), fontSize: 12, y: 0, hasEOL: true }] as never)
  const many = pageOf(items as never)
  expect(many.lines).toHaveLength(100_000)
  expect(new PdfLayout([long, many]).hyphenBetween(long.text.trim(), 'y')).toBe(undefined)
})
