/**
 * `glassformer/documents` in a page: files are parsed in a Web Worker, and without one where its file is lost.
 */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { launchChromium } from './chromium.js'
import type {} from './documents-page.js'
import { startServer, type ServerOptions } from './server.js'

const WORKER = '/dist/page-parser-worker.js'
const GOOD = '[{"text": "Tea is a drink."}]'

let browser: Browser
let script: string
beforeAll(async () => {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL('documents-page.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    write: false,
    alias: { glassformer: '/dist/browser.js', 'glassformer/documents': '/dist/browser-documents.js' },
    external: ['/dist/browser.js', '/dist/browser-documents.js'],
  })
  script = bundled.outputFiles[0].text
  browser = await launchChromium()
})
afterAll(() => browser?.close())

async function openPage(
  options: ServerOptions = {},
): Promise<{ page: Page; warnings: string[]; requests: () => string[] }> {
  const server = await startServer({ ...options, files: new Map([['/page.js', script]]) })
  onTestFinished(() => server.close())
  const page = await browser.newPage()
  const warnings: string[] = []
  page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()))
  await page.goto(server.url)
  return { page, warnings, requests: () => server.requests.map(({ path }) => path) }
}

test('a file that takes too long is given up, and the next one read by another worker', async () => {
  const { page, warnings, requests } = await openPage()
  const report = await page.evaluate((good) => {
    const slow = `[${'{"text": "x"},'.repeat(1.9e6)}{"text": "x"}]`
    return index({ 'first.json': good, 'slow.json': slow, 'last.jsonl': good.slice(1, -1) }, { parseSeconds: 0.2 })
  }, GOOD)
  expect(report).toEqual({ stored: ['first.json#1', 'last.jsonl#1'], failures: [['slow.json', 'parser-too-slow']] })
  expect(requests()).toContain(WORKER)
  expect(warnings).toEqual([])
})

test('a signal ends a parse', async () => {
  const { page } = await openPage()
  const message = await page.evaluate(() => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 200)
    const slow = `[${'{"text": "x"},'.repeat(1.9e6)}{"text": "x"}]`
    return index({ 'slow.json': slow }, { signal: controller.signal }).catch((error: Error) => error.message)
  })
  expect(message).toBe('the parsing was cancelled')
})

test.each<[string, ServerOptions]>([
  ['its file is lost', { answer: ({ url }, response) => url === WORKER && !!response.writeHead(404).end() }],
  ['the policy of the page allows none', { policy: "default-src 'self'; worker-src 'none'" }],
])('without a worker, since %s, files are parsed in the page, which is said once', async (_why, options) => {
  const { page, warnings } = await openPage(options)
  const report = await page.evaluate((good) => index({ 'a.json': good, 'b.json': good }, {}), GOOD)
  expect(report).toEqual({ stored: ['a.json#1', 'b.json#1'], failures: [] })
  expect(warnings).toEqual([
    expect.stringContaining('glassformer: files are parsed without limits of time and memory, for lack of a thread'),
  ])
})
