/**
 * The explorer on other backends than WebAssembly, with the software renderer that comes with chromium: the walk is the same, what computes
 * is said, the kernels are shown, and where a device is lost or cannot be had the page goes on.
 */
import { readFileSync } from 'node:fs'
import type { Page, Worker } from 'playwright-core'
import { expect, test } from 'vitest'
import type { Walk } from '../../web/protocol.js'
import { answerOf, hashOf, openPage, seriousProblems, serveExplorer, settled } from './explorer-visit.js'

/** A short one, since the software renderer is slow. */
const SCENE = '#p.fr=%0AFrance+is+a+country.+Its+capital+is+Paris.&k=1'
const ANSWER = 'The capital of France is Paris.'
/** That of the GPU backend against the recorded results, see gpu.test.ts. */
const DIGITS = 4

serveExplorer()

const choice = (page: Page, name: string) => page.locator('.scene').getByRole('radio', { name })
const troubleOf = (page: Page) => page.locator('.trouble').innerText()

/** What the page saves of the walk in sight. */
async function walkOf(page: Page): Promise<Walk> {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save JSON' }).click(),
  ])
  return JSON.parse(readFileSync(await file.path(), 'utf8')) as Walk
}

/** The numbers of a walk, from the question's vector to the probabilities of its tokens. */
function numbersOf({ questionVector, ranking, answer, steps }: Walk): number[] {
  return [
    ...questionVector,
    ...ranking.map(({ score }) => score),
    ...answer.passages.flatMap(({ prior, posterior, pAbstain }) => [prior, posterior, pAbstain]),
    ...answer.tokens.map(({ logProb }) => logProb),
    ...steps.flatMap(({ mixture }) => mixture.map(({ probability }) => probability)),
  ]
}

/** The engine's worker, in which graphics contexts can be taken away. */
async function watchContexts(page: Page): Promise<Worker> {
  const worker = page.workers().find((each) => each.url().endsWith('engine.js'))!
  await worker.evaluate(() => {
    const contexts: WebGL2RenderingContext[] = []
    const { getContext } = OffscreenCanvas.prototype
    Object.assign(globalThis, { contexts })
    OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...args: unknown[]) {
      if ((globalThis as { refuse?: boolean }).refuse) return null
      const context = (getContext as (...args: unknown[]) => WebGL2RenderingContext | null).apply(this, args)
      if (context) contexts.push(context)
      return context
    } as typeof getContext
  })
  return worker
}

test('WebGL 2 computes the same walk and shows its kernels; when it is lost or refused, WASM goes on', async () => {
  const page = await openPage({ hash: SCENE })
  page.setDefaultTimeout(60_000)
  const worker = await watchContexts(page)
  expect(await answerOf(page)).toBe(ANSWER)
  const before = await walkOf(page)

  await choice(page, 'WebGL 2').check()
  await settled(page)
  expect(await page.locator('.opening').innerText()).toMatch(
    /Computed by gpu \(webgl2: .*SwiftShader.*, a software renderer/,
  )
  expect(await hashOf(page)).toBe(`${SCENE}&backend=webgl2`)
  expect(await answerOf(page)).toBe(ANSWER)
  const wanted = numbersOf(before)
  const got = numbersOf(await walkOf(page))
  expect(got).toHaveLength(wanted.length)
  expect(got).not.toEqual(wanted)
  got.forEach((value, i) => expect(value).toBeCloseTo(wanted[i], DIGITS))
  const rows = await page.locator('.runs tbody tr').allInnerTexts()
  expect(rows.filter((row) => /\d ms/.test(row)).map((row) => row.split('\n')[0])).toEqual([
    expect.stringContaining('WASM'),
    expect.stringContaining('WebGL 2'),
  ])

  const kernels = page.locator('#kernels')
  await kernels.getByRole('button', { name: 'Show the kernels' }).click()
  await kernels.locator('.kernel').waitFor()
  await settled(page)
  await kernels.getByLabel(/^Kernel/).selectOption('softmax')
  expect(await kernels.locator('.uses').innerText()).toContain('encoder.*.self_attention.context')
  const text = (name: string | RegExp) => kernels.getByRole('region', { name, includeHidden: true }).textContent()
  expect(await text('softmax in TypeScript')).toContain('export const softmax: KernelSource = {')
  expect(await text('softmax in GLSL')).toMatch(/void kernel\(\) \{\n {2}kernelResult = .*exp\(/)
  expect(await text('what stands before softmax')).toMatch(/^#version 300 es/)
  expect(await seriousProblems(page)).toEqual([])

  await worker.evaluate(() => {
    const { contexts } = globalThis as unknown as { contexts: WebGL2RenderingContext[] }
    for (const context of contexts) context.getExtension('WEBGL_lose_context')?.loseContext()
  })
  await page.getByRole('button', { name: 'Run again' }).click()
  await page.locator('.trouble').waitFor()
  await settled(page)
  expect(await troubleOf(page)).toMatch(/the webgl2 device was lost.*What is shown is computed by wasm/)
  expect(await choice(page, 'WASM').isChecked()).toBe(true)
  expect(await hashOf(page)).toBe(SCENE)
  expect(numbersOf(await walkOf(page))).toEqual(wanted)
  expect(await kernels.innerText()).toContain('compiled from AssemblyScript')

  await worker.evaluate(() => Object.assign(globalThis, { refuse: true }))
  await choice(page, 'WebGL 2').click()
  await page.getByText('gpu.js cannot start webgl2 here').waitFor()
  await settled(page)
  expect(await troubleOf(page)).toContain('What is shown is computed by wasm')
  expect(await choice(page, 'WASM').isChecked()).toBe(true)
  expect(await answerOf(page)).toBe(ANSWER)
}, 180_000)

test('the plain TypeScript computes the same, and the way back is the browser’s', async () => {
  const page = await openPage({ hash: SCENE })
  const before = numbersOf(await walkOf(page))
  await choice(page, 'TypeScript').check()
  await settled(page)
  expect(await page.locator('.opening').innerText()).toContain('Computed by reference')
  const after = numbersOf(await walkOf(page))
  after.forEach((value, i) => expect(value).toBeCloseTo(before[i], DIGITS))
  await page.goBack()
  await settled(page)
  expect(await page.locator('.opening').innerText()).toContain('Computed by wasm')
  expect(await choice(page, 'WASM').isChecked()).toBe(true)
})

test('a link to a backend that cannot run here opens on WASM and says why', async () => {
  const page = await openPage({ hash: `${SCENE}&backend=webgpu` })
  expect(await troubleOf(page)).toMatch(/webgpu: .*What is shown is computed by wasm/)
  await page.locator('#backend-obstacles', { hasText: 'WebGPU: this browser' }).waitFor()
  expect(await choice(page, 'WebGPU').isDisabled()).toBe(true)
  expect(await choice(page, 'WebGPU').getAttribute('aria-describedby')).toBe('backend-obstacles')
  expect(await answerOf(page)).toBe(ANSWER)
})
