import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { FlatFileStore, FlatIndex } from '../../src/rag/index.js'
import {
  COMMIT,
  filesOf,
  hangUp,
  REPOSITORY,
  sendContent,
  sha256,
  startHub,
  type FakeHub,
} from '../support/fake-hub.js'
import { goldenCase, goldenPath } from '../support/goldens.js'
import { randomNumbers } from '../support/random.js'
import { MODEL_CASES } from './cases.js'
import { launchChromium } from './chromium.js'
import type { BackendName } from './page.js'
import { startServer, type ServerOptions, type TestServer } from './server.js'

/** Threads need a page that is cross-origin isolated; without it one runs. */
const BACKENDS: readonly { readonly backend: BackendName; readonly isolated: boolean }[] = [
  { backend: 'reference', isolated: false },
  { backend: 'wasm plain', isolated: false },
  { backend: 'wasm plain, 2 threads', isolated: true },
  { backend: 'wasm relaxed', isolated: false },
  { backend: 'wasm relaxed, 2 threads', isolated: true },
]
const SEED_QUESTION = 'What is the capital of France?'
const SEED_ANSWER = 'The capital of France is Paris.'
const BUNDLE = fileURLToPath(new URL('../../dist/browser.js', import.meta.url))

let browser: Browser
let server: TestServer
let script: string

beforeAll(async () => {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    write: false,
    alias: { glassformer: '/dist/browser.js' },
    external: ['/dist/browser.js'],
  })
  script = bundled.outputFiles[0].text
  browser = await launchChromium()
})
afterAll(() => browser?.close())

/** A fresh page of a fresh server, with page.ts loaded. What goes wrong in the page fails the test. */
async function openPage(options: ServerOptions = {}): Promise<Page> {
  server = await startServer({ ...options, files: new Map([['/page.js', script]]) })
  onTestFinished(() => server.close())
  const page = await browser.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  await page.goto(server.url)
  expect(problems).toEqual([])
  return page
}

test('the bundle imports nothing that a page would have to find', () => {
  const imports = readFileSync(BUNDLE, 'utf8').match(/^import\b.*|^\} from .*/gm)
  expect(imports).toBeNull()
})

test('a chat template is rendered under the same policy, by a file that nothing else fetches', async () => {
  const page = await openPage()
  expect(server.requests.map(({ path }) => path)).not.toContain('/dist/jinja.js')
  const text = await page.evaluate(([tokenizer, template]) => checks.renderChat(tokenizer, template, 'Hello'), [
    '/test/goldens/tokenizers/bytelevel-bpe-split',
    '{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}',
  ] as const)
  expect(text).toBe('<user>Hello')
  expect(server.requests.map(({ path }) => path)).toContain('/dist/jinja.js')
})

describe.each(BACKENDS)('in a page, on $backend', ({ backend, isolated }) => {
  test('the seed question, from weights over http', async () => {
    const page = await openPage({ isolated })
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated)
    const { text, passages } = await page.evaluate(([name, question]) => checks.ask(name, question), [
      backend,
      SEED_QUESTION,
    ] as const)
    expect(text).toBe(SEED_ANSWER)
    expect(passages[0].id).toBe('countries-152')
    expect(passages[0].posterior).toBeGreaterThan(0.9)
  })

  test('goldens: every output is that of transformers', async () => {
    const page = await openPage({ isolated })
    for (const folder of MODEL_CASES) {
      const { compared, differences } = await page.evaluate(
        ([name, golden]) => checks.compareWithGolden(name, golden),
        [backend, folder] as const,
      )
      expect(differences).toEqual([])
      expect(compared).toBe(goldenCase(folder).forward.flatMap(({ outputs }) => outputs).length)
    }
  })

  test('traces, pauses and lenses work as in Node', async () => {
    const page = await openPage({ isolated })
    const { rows, paused, depths, logit, sum } = await page.evaluate((name) => checks.lookInside(name), backend)
    expect(rows).toHaveLength(4)
    expect(rows).not.toContain(undefined)
    expect(paused).toEqual(
      [0, 0, 1].map((layer, i) => `decoder.${layer}.${i === 1 ? 'cross' : 'self'}_attention.probs`),
    )
    expect(depths).toEqual(['decoder.0.resid_pre', 'decoder.1.resid_pre', 'decoder.1.resid_post'])
    expect(sum).toBeCloseTo(logit, 3)
  })

  test('a long answer stops when its signal fires, and the page gets its turns meanwhile', async () => {
    const page = await openPage({ isolated })
    const { error, turns } = await page.evaluate((name) => checks.abortAsking(name), backend)
    expect(error).toBe('AbortError')
    expect(turns).toBeGreaterThan(0)
  })
})

test('the sources of an answer are found by a file that nothing else fetches', async () => {
  const page = await openPage()
  const fetched = () => server.requests.map(({ path }) => path)
  const passages = [{ title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }]
  const ask = (sources: boolean) =>
    page.evaluate(([question, options]) => checks.ask(undefined, question, options), [
      SEED_QUESTION,
      { passages, sources },
    ] as const)
  expect(new Set((await ask(false)).sources)).toEqual(new Set([undefined]))
  expect(fetched()).not.toContain('/dist/provenance.js')
  for (const count of (await ask(true)).sources) expect(count).toBeGreaterThan(0)
  expect(fetched()).toContain('/dist/provenance.js')
})

test('a page gives its own passages; the corpus is left alone', async () => {
  const page = await openPage()
  const passages = [{ title: 'France', text: 'France is a country in Europe. Its capital is Paris.' }]
  const { text } = await page.evaluate(([question, given]) => checks.ask(undefined, question, { passages: given }), [
    SEED_QUESTION,
    passages,
  ] as const)
  expect(text).toBe(SEED_ANSWER)
  expect(server.requests.filter(({ path }) => path.includes('world-facts'))).toEqual([])
})

test('without isolation the default backend says once that it runs on one thread; with it, it runs on all', async () => {
  const page = await openPage()
  const warnings: string[] = []
  page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()))
  expect(await page.evaluate(() => checks.describeDefault())).toMatch(/^wasm \(\w+ SIMD, 1 thread\)$/)
  await page.evaluate(() => checks.describeDefault())
  expect(warnings).toEqual([expect.stringContaining('not cross-origin isolated')])

  const isolated = await openPage({ isolated: true })
  const cores = await isolated.evaluate(() => navigator.hardwareConcurrency)
  expect(await isolated.evaluate(() => checks.describeDefault())).toContain(`${cores} thread`)
})

test.each([
  [
    'forbids workers',
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'",
    '1 thread',
    'one thread',
  ],
  ['forbids WebAssembly', "default-src 'self'", 'reference', 'reference backend runs'],
])('a policy that %s: the default backend does without, and says so once', async (_what, policy, runs, said) => {
  const page = await openPage({ isolated: true, policy })
  const warnings: string[] = []
  page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()))
  for (let i = 0; i < 2; i++) expect(await page.evaluate(() => checks.describeDefault())).toContain(runs)
  expect(warnings).toEqual([expect.stringContaining(said)])
})

test('files that a user picks are a model', async () => {
  const page = await openPage()
  const [golden] = goldenCase('t5/gated-tied').generate!
  const input = await page.evaluateHandle(() => {
    const element = document.createElement('input')
    element.type = 'file'
    element.multiple = true
    return element
  })
  const files = ['config.json', 'generation_config.json', 'model.safetensors']
  await input.setInputFiles(files.map((file) => goldenPath('t5/gated-tied', file)))
  const inputs = { inputIds: golden.input_ids, attentionMask: golden.attention_mask }
  const sequences = await page.evaluate(
    ([element, given, maxNewTokens]) => checks.generateFromPicked(element, given, maxNewTokens),
    [input, inputs, golden.args.max_new_tokens as number] as const,
  )
  expect(sequences).toEqual(golden.output_ids)
})

test('only the ranges that are needed are fetched', async () => {
  const page = await openPage()
  await page.evaluate(() => checks.compareWithGolden('reference', 'bert/base'))
  const reads = server.requests.filter(({ method, path }) => method === 'GET' && path.endsWith('model.safetensors'))
  expect(reads.length).toBeGreaterThan(1)
  expect(reads.filter(({ range }) => range === undefined)).toEqual([])
})

test('an index is searched by ranges, from a URL and from a chosen file; of its texts only what is found is read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-page-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'my.index')
  const [count, dimension, k] = [20_001, 16, 4] // large enough for the kernels
  const next = randomNumbers(1)
  const vectors = Float32Array.from({ length: count * dimension }, next)
  const encoder = { name: 'none', hash: '0'.repeat(64), pooling: 'mean', normalize: false } as const
  const store = await FlatFileStore.openForWriting(path, { encoder, dimension, dtype: 'int8' })
  const passages = Array.from({ length: count }, (_, row) => ({
    id: `p${row}`,
    title: '',
    text: 'A sentence that nobody reads unless it is found.',
    vector: vectors.subarray(row * dimension, (row + 1) * dimension),
  }))
  await store.upsert({ id: 'd', hash: '', passages })
  await store.close()
  const question = vectors.slice(0, dimension)
  const wanted = FlatIndex.fromVectors(vectors, dimension, 'int8')
    .search(question, k)
    .map(({ index, score }) => [`p${index}`, score])

  const page = await openPage({ site: folder, isolated: true })
  const found = await page.evaluate(([url, vector, k]) => checks.searchIndex(url, vector, k), [
    '/my.index',
    [...question],
    k,
  ] as const)
  expect(found).toEqual([wanted, wanted])
  const requests = server.requests.filter(({ path }) => path === '/my.index')
  const ranges = requests.flatMap(({ range }) => (range === undefined ? [] : [range.split(/[=-]/).map(Number)]))
  const read = ranges.reduce((sum, [, start, end]) => sum + end + 1 - start, 0)
  expect(read).toBeGreaterThan(count * dimension)
  expect(read).toBeLessThan(count * (dimension + 4) + 70_000) // of the beginning 64 KiB, for the header
})

test('from a server that ignores ranges, a file is fetched once and whole', async () => {
  const page = await openPage({ ranges: false })
  const { differences } = await page.evaluate(() => checks.compareWithGolden('reference', 'bert/base'))
  expect(differences).toEqual([])
  const reads = server.requests.filter(({ method, path }) => method === 'GET' && path.endsWith('model.safetensors'))
  expect(reads).toHaveLength(1)
})

test('loading stops when its signal fires', async () => {
  const page = await openPage()
  await expect(page.evaluate(() => checks.abortLoading())).rejects.toThrow(/AbortError: loading .* was cancelled/)
})

test('a path is refused with what to do instead, a missing folder by its address', async () => {
  const page = await openPage()
  const text = 'Its capital is Paris.'
  expect(await page.evaluate((given) => checks.countTokens('/weights/reader', given), text)).toBeGreaterThan(4)
  const refused = (location: string) =>
    page.evaluate(([at, given]) => checks.countTokens(at, given), [location, text] as const)
  await expect(refused('file:///models/reader')).rejects.toThrow(/a page cannot open paths/)
  await expect(refused('/weights/nowhere')).rejects.toThrow(/weights\/nowhere: there is no tokenizer\.json/)
})

describe('a model on a hub', () => {
  const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7 + (i >> 8))
  const WEIGHTS = 'model.safetensors'
  const withWeights = () => new Map([[WEIGHTS, BYTES], ['config.json', new TextEncoder().encode('{}')]]) // prettier-ignore

  async function openHubPage(files: Map<string, Uint8Array>): Promise<{ page: Page; hub: FakeHub }> {
    const hub = await startHub(files, '')
    const answer: ServerOptions['answer'] = (request, response) => {
      if (!request.url!.startsWith('/hub/')) return false
      hub.answer(request, response)
      return true
    }
    return { page: await openPage({ answer }), hub }
  }
  const paths = (hub: FakeHub) => hub.requests.map(({ host, path }) => `${host} ${path.split('/').slice(-1)[0]}`)

  test('is downloaded once into the storage of the page', async () => {
    const { page, hub } = await openHubPage(withWeights())
    const read = () => page.evaluate((file) => checks.readFromHub(file), WEIGHTS)
    const first = (await read())!
    expect(first.bytes).toEqual([...BYTES])
    expect(first.loaded.at(-1)).toBe(BYTES.length)
    expect(paths(hub)).toEqual(['hub main', `hub ${WEIGHTS}`, `storage ${sha256(BYTES)}`])
    const root = `/glassformer-hub/${REPOSITORY}`
    expect(await page.evaluate(() => checks.storedFiles())).toEqual(
      [`blobs/${sha256(BYTES)}/0`, `blobs/${sha256(BYTES)}/whole`, 'refs/main', `snapshots/${COMMIT}/${WEIGHTS}`].map(
        (path) => `${root}/${path}`,
      ),
    )

    await page.reload()
    hub.requests.length = 0
    const again = (await read())!
    expect(again).toEqual({ bytes: [...BYTES], loaded: [] })
    expect(paths(hub)).toEqual(['hub main'])
    expect(await page.evaluate(() => checks.readFromHub('other.json'))).toBeUndefined()

    hub.requests.length = 0
    expect((await page.evaluate((file) => checks.readFromHub(file, true), WEIGHTS))!.bytes).toHaveLength(BYTES.length)
    expect(await page.evaluate((file) => checks.readFromHub(file, true), 'config.json')).toBeUndefined()
    expect(hub.requests).toEqual([])
  })

  test('goes on where the page was left', async () => {
    const { page, hub } = await openHubPage(withWeights())
    hub.fault = ({ host }, response, content) => {
      if (host !== 'storage') return false
      response.writeHead(200, { 'content-length': BYTES.length }).write(content!.subarray(0, 50_000))
      return true
    }
    const stopped = () => page.evaluate((file) => checks.abortHubDownload(file, 50_000), WEIGHTS)
    expect(await stopped()).toBe('AbortError')
    hub.fault = undefined
    await page.reload()
    expect((await page.evaluate((file) => checks.readFromHub(file), WEIGHTS))!.bytes).toEqual([...BYTES])
    expect(hub.requests.at(-1)).toMatchObject({ host: 'storage', range: 'bytes=50000-' })
  })

  test('and where the connection broke off', async () => {
    const { page, hub } = await openHubPage(withWeights())
    hub.fault = hangUp(60_000, 1)
    expect((await page.evaluate((file) => checks.readFromHub(file), WEIGHTS))!.bytes).toEqual([...BYTES])
  })

  test('with another content than announced is refused', async () => {
    const { page, hub } = await openHubPage(withWeights())
    const wrong = BYTES.map((byte, i) => (i === 99_999 ? byte ^ 1 : byte))
    hub.fault = (request, response) => {
      if (request.host !== 'storage') return false
      sendContent(request, response, wrong)
      return true
    }
    const read = page.evaluate((file) => checks.readFromHub(file), WEIGHTS)
    await expect(read).rejects.toThrow(/HubError: .* does not have the hash that the hub announced/)
    expect((await page.evaluate(() => checks.storedFiles())).filter((path) => path.includes('/blobs/'))).toEqual([])
  })

  test('is loaded by its name', async () => {
    const { page } = await openHubPage(filesOf(goldenPath('bert/base')))
    expect(await page.evaluate(() => checks.countHookPoints())).toBeGreaterThan(10)
  })
})
