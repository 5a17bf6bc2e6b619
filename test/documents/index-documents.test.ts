import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  documentFiles,
  indexDocuments,
  type IndexingOptions,
  type IndexingProgress,
} from '../../src/documents/index.js'
import { EncoderMismatchError, FlatFileStore, Rag, SentenceEncoder, StoreRetriever } from '../../src/rag/index.js'
import { weightsPath } from '../support/weights.js'
import { inflatingPdf, nestedJson } from './hostile.js'
import { pdfOf } from './pdf.js'

let encoder: SentenceEncoder
beforeAll(async () => {
  encoder = await SentenceEncoder.fromPretrained(weightsPath('all-MiniLM-L6-v2'))
})
afterAll(() => encoder.dispose())

let folder: string
const write = (name: string, content: string | Uint8Array) => {
  mkdirSync(join(folder, 'notes', name, '..'), { recursive: true })
  writeFileSync(join(folder, 'notes', name), content)
}
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassformer-documents-'))
  write('arlen.md', '# Arlen\n\nArlen is a country in Europe. Its capital is **Brask**.\n')
  write('tea.txt', 'Tea is a drink made of leaves.')
  write('sub/veld.pdf', pdfOf([['About Veld.'], ['Veld is a city in Arlen.', 'Its river is the Sorn.']]))
  write('table.csv', 'title,text,kind\nBrask,Brask is a city in Arlen.,city\nSorn,The Sorn is a river.,river\n')
})
afterEach(() => rmSync(folder, { recursive: true }))

const openStore = async () =>
  FlatFileStore.openForWriting(join(folder, 'my.index'), {
    encoder: await encoder.identity(),
    dimension: encoder.dimension,
  })

/** One run over the folder, as the command does it. */
async function update(options?: IndexingOptions) {
  const store = await openStore()
  try {
    const report = await indexDocuments(await documentFiles([join(folder, 'notes')]), encoder, store, options)
    await store.close()
    return { ...report, failures: report.failures.map(({ path, error }) => [path.split('/').at(-1), error.code]) }
  } finally {
    await store.suspend()
  }
}

async function passages() {
  const store = await FlatFileStore.open(join(folder, 'my.index'))
  const [found] = await store.search([await encoder.embed(['Arlen'])], 1000)
  await store.close()
  return new Map(found.map(({ id, text }) => [id.slice(id.indexOf('notes')), text]))
}

describe('a second run', () => {
  test('embeds only what has changed, and drops what is gone', async () => {
    expect(await update()).toEqual({ embedded: 5, unchanged: 0, removed: 0, failures: [] })
    expect(await update()).toEqual({ embedded: 0, unchanged: 5, removed: 0, failures: [] })

    write('tea.txt', 'Coffee is a drink made of beans.')
    write('table.csv', 'title,text,kind\nBrask,Brask is a city in Arlen.,town\nSorn,The Sorn is a river.,river\n')
    write('new.html', '<p>Hull is an isle.')
    rmSync(join(folder, 'notes/sub'), { recursive: true })
    expect(await update()).toEqual({ embedded: 3, unchanged: 2, removed: 1, failures: [] })
    expect(await passages()).toEqual(
      new Map([
        ['notes/arlen.md#1', 'Arlen is a country in Europe. Its capital is Brask.'],
        ['notes/new.html#1', 'Hull is an isle.'],
        ['notes/table.csv#1#1', 'Brask is a city in Arlen.'],
        ['notes/table.csv#2#1', 'The Sorn is a river.'],
        ['notes/tea.txt#1', 'Coffee is a drink made of beans.'],
      ]),
    )
  })

  test('embeds all when passages are to be of another length', async () => {
    await update()
    expect(await update({ maxTokens: 20 })).toMatchObject({ embedded: 5, unchanged: 0 })
    expect(await update({ maxTokens: 20 })).toMatchObject({ embedded: 0, unchanged: 5 })
  })
})

test('files that cannot be read are reported and skipped, and what the index held of them stays', async () => {
  await update()
  write('tea.txt', Uint8Array.of(0xff))
  write('table.csv', 'title,text\n"open')
  write('broken.pdf', 'no pdf')
  expect(await update()).toEqual({
    embedded: 0,
    unchanged: 2,
    removed: 0,
    failures: [
      ['table.csv', 'bad-csv'],
      ['broken.pdf', 'bad-pdf'],
      ['tea.txt', 'not-utf8'],
    ],
  })
  expect((await passages()).get('notes/tea.txt#1')).toBe('Tea is a drink made of leaves.')
  expect((await passages()).get('notes/table.csv#2#1')).toBe('The Sorn is a river.')
})

test('files that vanish or are cut while they are indexed are reported, and what the index held of them stays', async () => {
  await update()
  const before = await passages()
  for (const name of ['arlen.md', 'tea.txt']) write(name, 'Something new.')
  write('sub/veld.pdf', pdfOf([['Veld, of late.']]))
  const at = (name: string) => join(folder, 'notes', name)
  const files = await documentFiles([join(folder, 'notes')])
  rmSync(at('arlen.md')) // before it is read
  const store = await openStore()
  const { failures, removed } = await indexDocuments(
    files.map((file) => ({
      ...file,
      open: async () => {
        const source = await file.open()
        if (file.path.endsWith('tea.txt')) writeFileSync(at('tea.txt'), '') // while it is read
        return source
      },
    })),
    encoder,
    store,
    {
      onProgress: ({ step, done, total }) => {
        if (step === 'reading' && done === total) rmSync(at('sub'), { recursive: true }) // after it was read, before it is embedded
      },
    },
  )
  await store.close()
  expect(failures.map(({ path, error }) => [path.slice(folder.length + 7), error.name, error.code])).toEqual([
    ['arlen.md', 'FileError', 'file-not-found'],
    ['tea.txt', 'FileError', 'short-read'],
    ['sub/veld.pdf', 'FileError', 'file-not-found'],
  ])
  expect(removed).toBe(0)
  expect(await passages()).toEqual(before)
})

test('files that take too long, too much memory or too many levels are failures, and those beside them are indexed', async () => {
  write('bomb.pdf', inflatingPdf(300e6, 'spaces'))
  write('nested.json', nestedJson(100_000))
  write('quotes.md', '>'.repeat(100_000))
  const { embedded, failures } = await update({ parseMegabytes: 128, parseSeconds: 10 })
  expect(embedded).toBe(5)
  expect(failures).toEqual([
    ['nested.json', expect.anything()],
    ['bomb.pdf', 'parser-too-large'],
    ['quotes.md', 'parser-too-slow'],
  ])
})

test.each([
  [{ parseSeconds: 0 }, 'parseSeconds is 0, expected a number above 0'],
  [{ parseSeconds: 1e9 }, 'parseSeconds is 1000000000, expected a number above 0, at most 2147482'],
  [{ parseMegabytes: 63 }, 'parseMegabytes is 63, expected a whole number of 64 or more'],
])('%j is refused', async (options, message) => {
  await expect(update(options)).rejects.toThrow(message)
})

test('a run that is cancelled keeps whole documents, and the next one does the rest', async () => {
  const lines = Array.from({ length: 600 }, (_, i) => JSON.stringify({ id: `n${i}`, text: `Number ${i}.` }))
  write('many.jsonl', lines.join('\n'))
  const controller = new AbortController()
  const stop = ({ step, done, total }: IndexingProgress) =>
    step === 'embedding' && done > total / 2 && controller.abort()
  await expect(update({ signal: controller.signal, onProgress: stop })).rejects.toMatchObject({ code: 'aborted' })
  expect(readdirSync(folder)).toEqual(['my.index.journal', 'notes'])
  const { embedded, unchanged } = await update()
  expect(unchanged).toBeGreaterThan(200)
  expect(embedded + unchanged).toBe(605)
  expect((await passages()).size).toBe(605 + 1) // the PDF has two pages
})

test('progress goes up to its end', async () => {
  const seen: IndexingProgress[] = []
  await update({ onProgress: (progress) => seen.push(progress), batchSize: 2 })
  const steps = seen.filter(({ step }) => step === 'embedding')
  expect(steps.map(({ done }) => done)).toEqual(steps.map(({ done }) => done).sort((a, b) => a - b))
  expect(steps.at(-1)!.done).toBe(steps.at(-1)!.total)
  expect(steps.length).toBeGreaterThan(2)
})

test('folders are walked in order, without what is hidden, unknown, or a link to a folder', async () => {
  write('.hidden/x.txt', 'x')
  write('.x.txt', 'x')
  write('node_modules/x.txt', 'x')
  write('image.png', 'x')
  symlinkSync(join(folder, 'notes'), join(folder, 'notes/loop'))
  symlinkSync(join(folder, 'notes'), join(folder, 'notes/loop.md'))
  symlinkSync(join(folder, 'nowhere'), join(folder, 'notes/lost.md'))
  execFileSync('mkfifo', [join(folder, 'notes/pipe.txt')])
  const files = await documentFiles([
    join(folder, 'notes'),
    join(folder, 'notes/tea.txt'),
    join(folder, 'notes/image.png'),
  ])
  expect(files.map(({ path }) => path.slice(folder.length))).toEqual([
    '/notes/arlen.md',
    '/notes/lost.md', // is reported when it is opened
    '/notes/sub/veld.pdf',
    '/notes/table.csv',
    '/notes/tea.txt',
    '/notes/image.png', // was named, so it is not passed over in silence
  ])
  const some = await documentFiles([join(folder, 'notes'), join(folder, 'notes/tea.txt')], {
    extensions: ['csv', 'pdf'],
  })
  expect(some.map(({ path }) => path.slice(folder.length))).toEqual([
    '/notes/sub/veld.pdf',
    '/notes/table.csv',
    '/notes/tea.txt',
  ])
  await expect(documentFiles([join(folder, 'nothing')])).rejects.toMatchObject({ code: 'file-not-found' })
})

describe('answers from an index', () => {
  let store: FlatFileStore
  let rag: Rag
  beforeEach(async () => {
    await update()
    store = await FlatFileStore.open(join(folder, 'my.index'))
    rag = await Rag.fromPretrained(undefined, { index: store })
  })
  afterEach(async () => {
    rag.dispose()
    await store.close()
  })

  test('cite file, page and place', async () => {
    const answer = await rag.ask('What is the capital of Arlen?')
    expect(answer.text).toBe('The capital of Arlen is Brask.')
    const { source, text } = answer.passages[0]
    expect(source).toMatchObject({ headingPath: ['Arlen'], start: 9, end: 64 })
    expect(source!.file.endsWith('notes/arlen.md')).toBe(true)
    expect(text).toBe('Arlen is a country in Europe. Its capital is Brask.')
    const veld = (await rag.ask('What is Veld?')).passages.find(({ text }) => text.startsWith('Veld'))!
    expect(veld.source).toMatchObject({ page: 2, start: 0, end: 47 })
  })

  test('abstain when no passage tells', async () => {
    expect(await rag.ask('Who wrote Hamlet?')).toMatchObject({ text: "I don't know.", abstained: true })
  })

  test('heed a filter', async () => {
    const { passages } = await rag.ask('What is the capital of Arlen?', { filter: { format: ['csv', 'pdf'] } })
    expect(new Set(passages.map(({ metadata }) => metadata!.format))).toEqual(new Set(['csv', 'pdf']))
    expect((await rag.ask('What is Brask?', { filter: { kind: 'river' } })).passages).toHaveLength(1)
    await expect(rag.ask('What is Brask?', { filter: { kind: 'sea' } })).rejects.toMatchObject({
      code: 'nothing-matches',
    })
    const own = [{ text: 'Brask is a city.' }]
    const both = rag.ask('What is Brask?', { filter: { kind: 'river' }, passages: own })
    await expect(both).rejects.toMatchObject({ code: 'bad-option' })
  })

  test('are refused for questions that are encoded otherwise', async () => {
    const other = await SentenceEncoder.fromPretrained(weightsPath('all-MiniLM-L6-v2'), {
      pooling: 'cls',
      normalize: true,
    })
    await expect(StoreRetriever.open(other, store)).rejects.toBeInstanceOf(EncoderMismatchError)
    other.dispose()
  })
})
