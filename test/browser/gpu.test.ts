/**
 * The GPU backend in a page, on a software renderer where there is no GPU: an application's bundle, minified, with gpu.js in it.
 */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { GPU_JS_BROWSER_FILE, GPU_JS_MISSING } from '../support/gpu-js.js'
import { goldenCase, goldenPath } from '../support/goldens.js'
import { launchChromium } from './chromium.js'
import type {} from './browser.test.js'
import { startServer } from './server.js'

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'"
const FAMILIES = 'bert distilbert roberta mpnet dpr t5 bart gpt2 llama qwen2 qwen3'.split(' ')
const MODEL_CASES = FAMILIES.flatMap((family) => readdirSync(goldenPath(family)).map((name) => `${family}/${name}`))

let browser: Browser
let script: string

beforeAll(async () => {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    alias: { glassformer: fileURLToPath(new URL('../../dist/browser.js', import.meta.url)), 'gpu.js': GPU_JS_BROWSER_FILE },
  })
  script = bundled.outputFiles[0].text
  browser = await launchChromium(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'])
})
afterAll(() => browser?.close())

async function openPage(policy = POLICY): Promise<Page> {
  const server = await startServer({ policy, files: new Map([['/page.js', script]]) })
  onTestFinished(() => server.close())
  const page = await browser.newPage()
  page.on('pageerror', (error) => console.log(error.message))
  page.on('console', (message) => console.log(message.text()))
  await page.goto(server.url)
  return page
}

describe.each(['webgl2', 'webgpu', 'webgl'] as const)('in a page, on %s', (mode) => {
  test('goldens: every output is that of transformers', async () => {
    const page = await openPage()
    for (const folder of MODEL_CASES) {
      const t = Date.now()
      const { compared, differences } = await page.evaluate(
        ([name, golden]) => checks.compareWithGolden(name, golden),
        [`gpu ${mode}`, folder] as const,
      )
      console.log(folder, compared, differences, Date.now() - t)
    }
  }, 200000)
})
