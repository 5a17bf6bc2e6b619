/**
 * The GPU backend in a page, by the software renderer that comes with chromium: an application's bundle, minified, with gpu.js in it, under a strict
 * Content-Security-Policy.
 */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { GpuMode } from '../../src/backends/index.js'
import { GPU_JS_BROWSER_FILE } from '../support/gpu-js.js'
import { goldenCase } from '../support/goldens.js'
import { MODEL_CASES } from './cases.js'
import { launchChromium } from './chromium.js'
import type {} from './gpu-page.js'
import { startServer } from './server.js'

const MODES = ['webgl2', 'webgpu', 'webgl'] as const

let browser: Browser
let script: string

async function openPage({ before }: { before?: () => void } = {}): Promise<Page> {
  const server = await startServer({ files: new Map([['/page.js', script]]) })
  const page = await browser.newPage()
  onTestFinished(async () => {
    await page.close()
    await server.close()
  })
  if (before) await page.addInitScript(before)
  await page.goto(server.url)
  return page
}

/** Why a mode cannot be tested here. */
async function obstacle(mode: (typeof MODES)[number]): Promise<string | undefined> {
  const page = await openPage()
  const description = await page.evaluate((mode) => gpuChecks.describeGpu({ mode }), mode)
  return description.startsWith('gpu (') ? undefined : description
}

describe('the GPU backend', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    const bundled = await build({
      entryPoints: [fileURLToPath(new URL('gpu-page.ts', import.meta.url))],
      bundle: true,
      minify: true,
      format: 'esm',
      write: false,
      alias: {
        glassformer: fileURLToPath(new URL('../../dist/browser.js', import.meta.url)),
        'gpu.js': GPU_JS_BROWSER_FILE,
      },
    })
    script = bundled.outputFiles[0].text
    browser = await launchChromium(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'])
  })
  afterAll(() => browser?.close())

  describe.each(MODES)('on %s', (mode) => {
    /** Skips with the reason where the browser has no such device, which only WebGPU is allowed to lack. */
    async function openWith(context: { skip(reason: string): void }): Promise<Page> {
      const missing = await obstacle(mode)
      if (missing !== undefined && mode === 'webgpu') context.skip(missing)
      expect(missing).toBeUndefined()
      return openPage()
    }

    test('goldens: every output is that of transformers', async (context) => {
      const page = await openWith(context)
      for (const folder of MODEL_CASES) {
        const { compared, differences } = await page.evaluate(
          ([name, golden]) => checks.compareWithGolden(name, golden),
          [`gpu ${mode}`, folder] as const,
        )
        expect(differences).toEqual([])
        expect(compared).toBe(goldenCase(folder).forward.flatMap(({ outputs }) => outputs).length)
      }
    })

    test('a decoder with its cache writes the ids of transformers', async (context) => {
      const page = await openWith(context)
      const [golden] = goldenCase('t5/gated-tied').generate!
      const inputs = { inputIds: golden.input_ids, attentionMask: golden.attention_mask }
      const sequences = await page.evaluate(
        ([mode, inputs, maxNewTokens]) => gpuChecks.generate(mode, inputs, maxNewTokens),
        [mode, inputs, golden.args.max_new_tokens as number] as const,
      )
      expect(sequences).toEqual(golden.output_ids)
    })

    test('hostile numbers and sizes', async (context) => {
      const page = await openWith(context)
      const { compared, differences } = await page.evaluate((mode) => gpuChecks.compareHostile(mode), mode)
      expect(differences).toEqual([])
      expect(compared).toBeGreaterThan(70)
    })

    test('a lost device is an error with a code, and a new backend works', async (context) => {
      const page = await openWith(context)
      const { errors, states, wanted } = await page.evaluate((mode) => gpuChecks.loseDevice(mode), mode)
      expect(errors).toEqual(['device-lost', 'device-lost'])
      expectNear(states, wanted)
    })

    test('1,000 passes take no more memory than three', async (context) => {
      const page = await openWith(context)
      const [before, after] = await page.evaluate((mode) => gpuChecks.countLeaks(mode, 1000), mode)
      expect(after).toEqual(before)
      expect(after.arrays).toBeGreaterThan(0)
    })

    test('the generated text of every kernel can be read', async (context) => {
      const page = await openWith(context)
      const texts = await page.evaluate((mode) => gpuChecks.kernelTexts(mode), mode)
      expect(texts.length).toBeGreaterThan(10)
      for (const text of texts) expect(text).toMatch(mode === 'webgpu' ? /@compute/ : /void main\(/)
    })
  })

  test('the seed question', async () => {
    const page = await openPage()
    const { text } = await page.evaluate(() => checks.ask('gpu webgl2', 'What is the capital of France?'))
    expect(text).toBe('The capital of France is Paris.')
  })

  test('a pass that nobody watches reads back its results and nothing else', async () => {
    const page = await openPage()
    const { reads, results } = await page.evaluate(() => gpuChecks.countReads())
    expect(results).toBe(2) // states and what the pooler makes of them
    expect(reads).toBe(results)
  })

  test('two backends live in one page', async () => {
    const page = await openPage()
    for (const modes of [
      ['webgl2', 'webgl2'],
      ['webgl2', 'webgl'],
    ] as const) // prettier-ignore
    {
      const [first, second, afterwards, wanted] = await page.evaluate((modes) => gpuChecks.runTwo(modes), modes)
      for (const states of [first, second, afterwards]) expectNear(states, wanted)
    }
  })

  test('describe names the mode and the renderer; without a mode it is WebGL 2', async () => {
    const page = await openPage()
    expect(await page.evaluate(() => gpuChecks.describeGpu({}))).toMatch(/^gpu \(webgl2: .*SwiftShader/)
    expect(await page.evaluate(() => gpuChecks.describeGpu({ mode: 'headlessgl' }))).toMatch(
      /^unsupported: .*needs Node/,
    )
  })

  test('without float32 textures numbers are packed into bytes, which is said, and goldens hold', async () => {
    const page = await openPage({
      before: () => {
        const { getExtension } = WebGL2RenderingContext.prototype
        WebGL2RenderingContext.prototype.getExtension = function (name: string) {
          return name === 'EXT_color_buffer_float' ? null : (getExtension as (name: string) => never).call(this, name)
        }
      },
    })
    expect(await page.evaluate(() => gpuChecks.describeGpu({ mode: 'webgl2' }))).toContain('packed into bytes')
    for (const folder of ['bert/base', 't5/gated-tied', 'llama/tied']) {
      const { differences } = await page.evaluate((folder) => checks.compareWithGolden('gpu webgl2', folder), folder)
      expect(differences).toEqual([])
    }
  })

  test('a policy without unsafe-eval stops the mode cpu alone, whose error says what is missing', async () => {
    const page = await openPage()
    const describeLater = (mode: GpuMode) => page.evaluate((mode) => gpuChecks.describeLater({ mode }), mode)
    for (const mode of ['webgl2', 'webgl', 'webasm'] as const) expect(await describeLater(mode)).toMatch(/^gpu \(/)
    expect(await describeLater('cpu')).toMatch(/^unsupported: .*unsafe-eval/)
  })
})

function expectNear(states: readonly number[], wanted: readonly number[]): void {
  expect(states).toHaveLength(wanted.length)
  states.forEach((value, i) => expect(value).toBeCloseTo(wanted[i], 4))
}
