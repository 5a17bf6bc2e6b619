/**
 * Parsing in a thread of its own: what comes of files that a parser cannot cope with, and that nothing comes of it for others.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ParserApart } from '../../src/documents/apart.js'
import { openDocuments, type Document, type ParsingLimits } from '../../src/documents/index.js'
import type { Parse } from '../../src/documents/parse.js'
import type { ThreadEvents } from '../../src/documents/parser-thread.js'
import { bytesSource } from '../../src/files/byte-source.js'
import { inflatingPdf, nestedJson } from './hostile.js'

function apart(options: ParsingLimits & { signal?: AbortSignal } = {}): Parse {
  const parser = new ParserApart(options)
  onTestFinished(() => parser.close())
  return parser.parse
}

async function documentsOf(file: string, content: string | Uint8Array, parse?: Parse): Promise<Document[]> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const documents = []
  for await (const entry of openDocuments(bytesSource(bytes, file), file, undefined, parse)) {
    documents.push(await entry.load())
  }
  return documents
}

describe('documents that are parsed apart', () => {
  test.each(['columns.pdf', 'pandoc.md', 'pandoc.html', 'utf16.csv', 'latin1.html'])(
    'are the same: %s',
    async (file) => {
      const content = new Uint8Array(readFileSync(join(import.meta.dirname, 'files', file)))
      expect(await documentsOf(file, content, apart())).toEqual(await documentsOf(file, content))
    },
  )

  test('are the same: JSON, and JSON lines in several portions', async () => {
    const parse = apart()
    const lines = Array.from({ length: 30 }, (_, i) =>
      JSON.stringify({ id: i, text: 'x'.repeat(100_000), kind: ['a'] }),
    )
    for (const [file, content] of [
      ['a.jsonl', lines.join('\n')],
      ['a.json', `[${lines.join()}]`],
    ]) {
      const documents = await documentsOf(file, content, parse)
      expect(documents).toHaveLength(30)
      expect(documents).toEqual(await documentsOf(file, content))
    }
  })

  test('have one source for all blocks of a page, which is not copied for each', async () => {
    const page = '<h2>Arlen</h2><p>A country.</p>'.repeat(20_000)
    const [{ blocks }] = await documentsOf('a.html', page, apart({ parseMegabytes: 256 })) // the copies would be 12 GB
    expect(blocks).toHaveLength(20_000)
    expect(blocks.at(-1)!.source).toBe(page)
  })

  test('fail with the errors that they fail with elsewhere', async () => {
    const parse = apart()
    await expect(documentsOf('a.pdf', 'no pdf', parse)).rejects.toMatchObject({
      name: 'DocumentError',
      code: 'bad-pdf',
    })
    await expect(documentsOf('a.md', '---\na: 1\nb: c: d\n---\n', parse)).rejects.toMatchObject({
      code: 'bad-front-matter',
      message: expect.stringContaining('a.md, line 3: ') as string,
    })
  })
})

describe('a file is given up, and the next one read', () => {
  const readsOn = async (parse: Parse) =>
    expect(await documentsOf('a.html', '<p>Tea.', parse)).toMatchObject([{ blocks: [{ text: 'Tea.' }] }])

  test('that inflates to more memory than the limit', async () => {
    const parse = apart({ parseMegabytes: 64 })
    await expect(documentsOf('a.pdf', inflatingPdf(300e6, 'spaces'), parse)).rejects.toMatchObject({
      code: 'parser-too-large',
      message: 'a.pdf: given up, since reading it as pdf takes more than 64 MB of memory; split it or raise the limit',
    })
    await readsOn(parse)
  })

  test('that makes more objects than there is memory for', async () => {
    const parse = apart({ parseMegabytes: 64 })
    await expect(documentsOf('a.json', `[${'[],'.repeat(1.9e6)}[]]`, parse)).rejects.toMatchObject({
      code: 'parser-too-large',
    })
    await readsOn(parse)
  })

  test('that is larger than the memory, before it is parsed', async () => {
    const bytes = new Uint8Array(65 << 20)
    await expect(documentsOf('a.csv', bytes, apart({ parseMegabytes: 64 }))).rejects.toMatchObject({
      code: 'parser-too-large',
    })
  })

  test('that takes longer than the limit', async () => {
    const parse = apart({ parseSeconds: 0.5 })
    await expect(documentsOf('a.md', '>'.repeat(100_000), parse)).rejects.toMatchObject({ code: 'parser-too-slow' })
    await expect(documentsOf('a.pdf', inflatingPdf(100e6, 'letters'), parse)).rejects.toMatchObject({
      code: 'parser-too-slow',
      message: 'a.pdf: given up, since reading it as pdf takes more than 0.5 s; split it or raise the limit',
    })
  })

  test('that is nested too deeply', async () => {
    const parse = apart()
    for (const [file, content] of [
      ['a.json', nestedJson(100_000)],
      ['a.jsonl', nestedJson(100_000).slice(1, -1)],
      ['a.html', '<div>'.repeat(100_000)],
    ])
      await expect(documentsOf(file, content, parse)).rejects.toMatchObject({ name: 'DocumentError' })
    await readsOn(parse)
  })
})

test('a signal ends a parse that would go on for ten seconds', async () => {
  const controller = new AbortController()
  const parse = apart({ signal: controller.signal, parseSeconds: 600 })
  await documentsOf('a.pdf', inflatingPdf(7, 'letters'), parse) // the thread is there
  const parsed = documentsOf('a.pdf', inflatingPdf(100e6, 'letters'), parse)
  setTimeout(() => controller.abort(), 500)
  await expect(parsed).rejects.toMatchObject({ code: 'aborted' })
})

describe('where there is no thread', () => {
  /** Parses two files with such a thread, and gives what was warned of. */
  async function warningsOf(start: (events: ThreadEvents) => void): Promise<string[]> {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    vi.resetModules()
    vi.doMock('../../src/documents/node-parser-thread.js', () => ({
      startParserThread: (_megabytes: number, events: ThreadEvents) => {
        start(events)
        const failure = { code: 'parser-missing', message: 'parse5 is not there' }
        return { post: () => events.onMessage({ failure }), terminate: () => {} }
      },
    }))
    try {
      const { ParserApart } = await import('../../src/documents/apart.js')
      const { parse } = new ParserApart({})
      for (const name of ['Tea', 'Arlen']) {
        expect(await documentsOf('a.html', `<h1>${name}</h1><p>x`, parse)).toMatchObject([{ title: name }])
      }
      return warn.mock.calls.map(([message]) => String(message))
    } finally {
      vi.doUnmock('../../src/documents/node-parser-thread.js')
      warn.mockRestore()
    }
  }

  test.each<[string, (events: ThreadEvents) => void, string]>([
    ['it may not be made', () => { throw new Error('not allowed') }, 'not allowed'], // prettier-ignore
    ['its file is lost', ({ onEnd }) => queueMicrotask(() => onEnd(new Error('no file'))), 'no file'],
    ['it has no parsers', ({ onMessage }) => queueMicrotask(() => onMessage('ready')), 'parse5 is not there'],
  ])('since %s, files are parsed here, which is said once', async (_why, start, reason) => {
    expect(await warningsOf(start)).toEqual([
      `glassformer: files are parsed without limits of time and memory, for lack of a thread to do it (${reason})`,
    ])
  })
})
