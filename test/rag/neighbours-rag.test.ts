/**
 * The default pipeline with its real weights on a sentence of more than one passage, whose answer stands where it was cut.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { documentFiles, indexDocuments } from '../../src/documents/index.js'
import type { QuotingReader } from '../../src/rag/index.js'
import { FlatFileStore, placeInSource, Rag, type SpanAnswer } from '../../src/rag/index.js'

const SENTENCE = [
  'In the spring of 1871, after three winters in which the ice of the river Sorn had torn away the wooden piers one by one and the ferry',
  'had twice been lost with all its cattle, the council of the town of Brask, which had long refused to spend a single coin on it, at last',
  'agreed that a bridge of iron should be built, and the Sorn bridge was designed by the engineer Anna Margareta',
  'Lindqvist of Tern, who had learnt her trade at the docks of Hull and had until then built nothing but cranes, while the stones of its',
  'two towers were brought on barges from the quarries below the castle, and the iron, of which it needed more than four hundred tons,',
  'came by rail from the works at Olm, whose owner gave half of it for nothing.',
].join('\n')
const TEXT = `# Bridges

## The bridge of Brask

${SENTENCE}

It was opened in 1874.

## The bridge of Tern

The other bridge was built of wood.
`
const QUESTION = 'Who designed the Sorn bridge?'

const root = mkdtempSync(join(tmpdir(), 'glassformer-'))
let store: FlatFileStore
let rag: Rag
beforeAll(async () => {
  writeFileSync(join(root, 'bridges.md'), TEXT)
  const base = await Rag.fromPretrained()
  const { encoder } = base
  const path = join(root, 'my.index')
  store = await FlatFileStore.openForWriting(path, { encoder: await encoder.identity(), dimension: encoder.dimension })
  await indexDocuments(await documentFiles([join(root, 'bridges.md')]), encoder, store)
  await store.close()
  base.dispose()
  store = await FlatFileStore.open(path)
  rag = await Rag.fromPretrained(undefined, { index: store })
})
afterAll(async () => {
  rag?.dispose()
  await store?.close()
  rmSync(root, { recursive: true })
})
afterEach(() => vi.restoreAllMocks())

/** What the file has where the best span and its quote stand. */
function cited({ spans: [best], passages }: SpanAnswer): string[] {
  return [best, best.quote].map(({ start, end }) => {
    const place = placeInSource(passages[best.passage], start, end)!
    return TEXT.slice(place.start, place.end)
  })
}

test('the answer is whole, and its place and that of the quote are exactly theirs', async () => {
  const find = vi.spyOn(store, 'passage')
  const { quotes } = await rag.ask(QUESTION)
  const [best] = quotes!.spans
  expect(best.text).toContain('Anna Margareta\nLindqvist')
  expect(best.quote.text).toBe(SENTENCE)
  expect(cited(quotes!)).toEqual([best.text, best.quote.text])
  expect(find.mock.calls.map(([id]) => id.slice(-2))).toEqual(['#2'])
})

test('so are they where the span reader is all there is', async () => {
  const { encoder } = rag
  const reader = (rag.reader as QuotingReader).quoting
  const alone = await Rag.fromPretrained(undefined, { index: store, encoder, reader })
  const answer = await alone.ask(QUESTION, { minProbability: 0 })
  expect(answer.text).toBe(SENTENCE.replaceAll('\n', ' '))
  expect(cited(answer)).toEqual([answer.spans[0].text, SENTENCE])
  expect(answer.passages.filter(({ id, share }) => share > 0 && id.endsWith('#2'))).toEqual([]) // is in the first one
  alone.dispose()
})

test('nothing is looked for where the answer touches no edge, nor in the passages of the caller', async () => {
  const find = vi.spyOn(store, 'passage')
  const { quotes } = await rag.ask('When was the bridge of Brask opened?')
  expect(quotes!.spans[0].text).toContain('1874')
  const passages = await rag.retrieve(QUESTION)
  const cut = await rag.ask(QUESTION, { passages })
  expect(cut.quotes!.spans[0].text).toMatch(/Anna Margareta$/)
  expect(find).not.toHaveBeenCalled()
})

test('a question that is given up while its neighbour is looked for ends there', async () => {
  const controller = new AbortController()
  const passage = store.passage.bind(store)
  const find = vi.spyOn(store, 'passage').mockImplementation((id, options) => {
    controller.abort()
    return passage(id, options)
  })
  const asked = rag.ask(QUESTION, { signal: controller.signal })
  await expect(asked).rejects.toMatchObject({
    name: 'AbortError',
    message: expect.stringContaining('passage') as string,
  })
  expect(find).toHaveBeenCalledTimes(1)
})
