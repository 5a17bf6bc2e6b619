/**
 * The explorer's attention panels in chromium, on numbers that the engine's hooks gave in Node: what they draw and say is compared with these.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type axe from 'axe-core'
import { build } from 'esbuild'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { exact, fixed } from '../../web/attention/digits.js'
import { strongestKeys } from '../../web/attention/map-weights.js'
import type { AttentionMap, HeadName, RecurrentReading } from '../../web/protocol.js'
import { AttentionRecorder, type CellName } from '../support/recorded-attention.js'
import type { PanelData, pngOf as pngOfPage } from './attention-page.js'
import { launchChromium } from './chromium.js'
import { startServer } from './server.js'

declare global {
  /** What attention-page.tsx puts there. */
  const pngOf: typeof pngOfPage
}

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:"
const HTML = `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Attention</title>
<link rel="stylesheet" href="/theme.css"><link rel="stylesheet" href="/attention.css"><main></main><script type="module" src="/page.js"></script></html>`
/** The colours that the panels ask of the page around them. */
const THEME = `:root { --paper: #fff; --ink: #1c2230; --muted: #5c6577; --line: #d9dde5; --accent: #2b5fd9 }
:root[data-theme='dark'] { --paper: #14171d; --ink: #e7eaf0; --muted: #9aa3b2; --line: #333a46; --accent: #7ea6ff }
body { background: var(--paper) } main { display: grid; grid-template-columns: minmax(0, 60rem); gap: 3rem }
button { background: var(--paper); color: var(--ink) }`
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const ENCODER = 'encoder.1.self_attention'
const FIRST = { query: 3, key: 13 } // "France" and "Par"

let browser: Browser
let recorder: AttentionRecorder
let recurrent: RecurrentReading
let script: string
let style: string

beforeAll(async () => {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL('attention-page.tsx', import.meta.url))],
    bundle: true,
    format: 'esm',
    write: false,
    jsx: 'automatic',
    jsxImportSource: 'preact',
  })
  script = bundled.outputFiles[0].text
  style = readFileSync(new URL('../../web/attention/attention.css', import.meta.url), 'utf8')
  recorder = await AttentionRecorder.create()
  recurrent = await recorder.recurrent('France is a country in Europe. Its capital is Paris.')
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  recorder?.dispose()
})

/** The panels in a page of their own. What goes wrong there fails the test. */
async function openPanels(changes: Partial<PanelData> = {}, options: BrowserContextOptions = {}): Promise<Page> {
  const data: PanelData = { ...recorder.recorded, recurrent, opened: FIRST, ...changes }
  const files = {
    '/': HTML,
    '/theme.css': THEME,
    '/attention.css': style,
    '/page.js': script,
  }
  const server = await startServer({ policy: POLICY, files: new Map(Object.entries(files)) })
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options })
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  onTestFinished(async () => {
    await page.close()
    await server.close()
    expect(problems).toEqual([])
  })
  await page.exposeFunction('panelData', () => data)
  await page.exposeFunction('cellOf', (name: CellName) => recorder.cell(name))
  await page.exposeFunction('ablationOf', (heads: readonly HeadName[]) => recorder.ablation(heads))
  await page.goto(server.url)
  await page.getByRole('grid').waitFor()
  return page
}

function mapOf(attention: string): AttentionMap {
  return recorder.recorded.maps.find((map) => map.attention === attention)!
}

function weightAt(attention: string, head: number, query: number, key: number): number {
  const { probs, queries, keys } = mapOf(attention)
  return probs[(head * queries.length + query) * keys.length + key]
}

/** What a screen reader is told of the cell. */
function told(page: Page): Promise<string | null> {
  return page.getByRole('grid').evaluate((grid) => {
    const id = grid.getAttribute('aria-activedescendant')!
    return document.getElementById(id)!.getAttribute('aria-label')
  })
}

test('it opens on the head that shows the pair most, with its weight', async () => {
  const page = await openPanels()
  expect(await page.getByRole('radio', { checked: true }).count()).toBe(2)
  await page
    .getByLabel('Encoder 1')
    .and(page.getByRole('radio', { checked: true }))
    .waitFor()
  const weight = weightAt(ENCODER, 0, FIRST.query, FIRST.key)
  expect(weight).toBeGreaterThan(0.2)
  expect(await told(page)).toBe(`France looks at Par: ${fixed(weight, 2)}`)
  expect(await page.locator('.attention-readout').textContent()).toContain(fixed(weight, 4))
})

test('every pixel of the map is its weight on the scale, in light and dark', async () => {
  const page = await openPanels()
  const { queries, keys, probs } = mapOf(ENCODER)
  const picture = page.locator('.heat-map canvas')
  const pixels = () =>
    picture.evaluate((canvas: HTMLCanvasElement) => [
      ...canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data,
    ])
  const lightness = (of: readonly number[]) =>
    probs.slice(0, queries.length * keys.length).map((_, i) => of[4 * i] + of[4 * i + 1])
  const ordered = (values: Float32Array) =>
    Array.from(values.keys())
      .sort((a, b) => probs[a] - probs[b])
      .map((i) => values[i])

  const light = ordered(lightness(await pixels()))
  expect(light).toHaveLength(queries.length * keys.length)
  expect(light).toEqual([...light].sort((a, b) => b - a))
  await page.evaluate(() => (document.documentElement.dataset.theme = 'dark'))
  await expect.poll(async () => ordered(lightness(await pixels()))[0]).toBeLessThan(light[0])
  const dark = ordered(lightness(await pixels()))
  expect(dark).toEqual([...dark].sort((a, b) => a - b))
})

test('the pointer shows the cell that it is over, and leaves the chosen one', async () => {
  const page = await openPanels()
  const picture = (await page.locator('.heat-map-picture').boundingBox())!
  const { keys } = mapOf(ENCODER)
  const size = picture.width / keys.length
  await page.mouse.move(picture.x + 2.5 * size, picture.y + 5.5 * size)
  expect(await told(page)).toBe(`a looks at /: ${fixed(weightAt(ENCODER, 0, 5, 2), 2)}`)
  await page.mouse.move(0, 0)
  expect(await told(page)).toContain('France looks at Par')
})

test('arrow keys move the cell; Enter opens it, and every number is that of the hooks', async () => {
  const page = await openPanels()
  await page.getByRole('grid').focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowRight')
  expect(await told(page)).toBe(`is looks at is: ${fixed(weightAt(ENCODER, 0, 4, 14), 2)}`)
  await page.keyboard.press('Home')
  expect(await told(page)).toContain('is looks at Fran:')
  await page.keyboard.press('ArrowUp')
  for (let i = 0; i < FIRST.key; i++) await page.keyboard.press('ArrowRight')
  await page.keyboard.press('Enter')

  const detail = page.locator('.cell-detail')
  await detail.waitFor()
  const cell = recorder.cell({ attention: ENCODER, head: 0, ...FIRST })
  const text = await detail.innerText()
  for (const value of [cell.dot, cell.bias, cell.score, cell.prob]) expect(text).toContain(exact(value))
  expect(text).toContain(`${exact(cell.q[0])} × ${exact(cell.k[0])} = ${exact(cell.q[0] * cell.k[0])}`)
  expect(await detail.locator('.check-line').allInnerTexts()).toEqual([
    expect.stringMatching(/^✓ .*(float32 rounding|the same)\.$/),
    expect.stringMatching(/^✓ .*(float32 rounding|the same)\.$/),
  ])

  await detail.getByRole('slider').focus()
  for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight')
  expect(await detail.innerText()).toContain(`${exact(cell.prob)} × ${exact(cell.v[5])} = ${exact(cell.weighted[5])}`)
  await detail.getByRole('button', { name: 'Close' }).click()
  expect(await detail.count()).toBe(0)
})

test('a click opens a cell; one that a mask hides says so', async () => {
  const page = await openPanels()
  await page.getByRole('radio', { name: 'Decoder 0, itself' }).check()
  const picture = (await page.locator('.heat-map-picture').boundingBox())!
  const size = picture.width / mapOf('decoder.0.self_attention').keys.length
  await page.mouse.click(picture.x + 5.5 * size, picture.y + 1.5 * size)
  const detail = page.locator('.cell-detail')
  await detail.waitFor()
  expect(await detail.locator('.equation').innerText()).toMatch(/bias\s+−∞\s+= score\s+−∞/)
})

test('layers and heads are chosen with the keyboard; the mean of heads opens nothing', async () => {
  const page = await openPanels()
  await page.getByRole('radio', { name: 'Encoder 1' }).focus()
  await page.keyboard.press('ArrowRight')
  expect(await page.locator('.attention-readout').innerText()).toContain('encoder.2.self_attention.probs[0, 3, 13]')
  await page.getByRole('radio', { name: 'mean' }).focus()
  await page.keyboard.press('Space')
  const heads = Array.from({ length: 8 }, (_, head) => weightAt('encoder.2.self_attention', head, 3, 13))
  const mean = heads.reduce((sum, weight) => sum + weight / 8, 0)
  expect(await page.locator('.attention-readout').innerText()).toContain(fixed(mean, 4))
  await page.getByRole('grid').focus()
  await page.keyboard.press('Enter')
  await page.getByText('The mean has no query and key of its own.').waitFor()
  expect(await page.locator('.cell-detail').count()).toBe(0)
})

test('the row is there as a table, and its weights sum to 1', async () => {
  const page = await openPanels()
  await page.getByText('The whole row as a table').click()
  const rows = await page
    .getByRole('table', { name: /Where “France” looks/ })
    .locator('tbody tr')
    .allInnerTexts()
  expect(rows).toHaveLength(mapOf(ENCODER).keys.length)
  const weights = rows.map((row) => Number(row.split('\t').at(-1)))
  expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 2)
})

test('a token of the text shows where it looks, by pointer and by keyboard', async () => {
  const page = await openPanels()
  const view = page.locator('.token-view')
  const sentence = (attention: string, query: number) => {
    const { queries, keys } = mapOf(attention)
    const row = Float32Array.from(keys, (_, key) => weightAt(attention, 0, query, key))
    const most = strongestKeys(row, 3).map(({ key, weight }) => `${keys[key].text.trim()} ${fixed(weight, 2)}`)
    return `${queries[query].text.trim()} looks most at ${most.join(', ')}.`
  }
  const said = async () => (await view.locator('.token-view-told').textContent())!
  await view.getByRole('button', { name: 'capital' }).first().hover()
  expect(await said()).toBe(sentence(ENCODER, 11))
  await page.mouse.move(0, 0)
  await view.getByRole('button', { pressed: true }).focus()
  await page.keyboard.press('ArrowRight')
  expect(await said()).toBe(sentence(ENCODER, FIRST.query + 1))

  await page.getByRole('radio', { name: 'Decoder 1, passage' }).check()
  await view.getByRole('button', { name: 'is' }).first().click()
  expect(await said()).toBe(`Before it writes Par, ${sentence('decoder.1.cross_attention', 5)}`)
  expect(await view.locator('.tokens').nth(1).locator('.token').count()).toBe(recorder.recorded.source.length)
})

test('the scrubber goes through the steps; the cache says what is held and what is new', async () => {
  const page = await openPanels()
  const { steps, source } = recorder.recorded
  const slider = page.getByRole('region', { name: 'Decoding steps' }).getByRole('slider')
  const captions = () => page.locator('.cache-view figcaption').allInnerTexts()
  const visible = () => page.locator('.step-tokens .token:not(.is-later)').allInnerTexts()
  expect(await captions()).toEqual([
    'Self-attention: 0 rows of K and V held, 1 computed now',
    expect.stringContaining(`${source.length} rows`),
  ])
  expect(await page.getByRole('region', { name: `0 rows held, ${source.length} new` }).count()).toBe(1)
  await slider.focus()
  for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight')
  expect((await captions())[0]).toBe('Self-attention: 3 rows of K and V held, 1 computed now')
  expect(await page.getByRole('region', { name: `${source.length} rows held, 0 new` }).count()).toBe(1)
  expect(await visible()).toEqual(['The', 'capital', 'of', 'France'])
  expect(await page.locator('.cache-view').innerText()).toContain('2 · 2 · 8 · 32 = 1,024 numbers')
  expect(await page.locator('.cache-view').innerText()).toContain(
    'computed 4 rows; without a cache it would have been 10',
  )
  await page.keyboard.press('End')
  expect(await visible()).toHaveLength(steps.length)
  await page.getByRole('button', { name: 'One step back' }).click()
  expect(await visible()).toHaveLength(steps.length - 1)
})

test('playing goes on by itself until it is paused, and not at all where less motion is wanted', async () => {
  const page = await openPanels()
  const visible = page.locator('.step-tokens .token:not(.is-later)')
  await page.getByRole('button', { name: 'Play' }).click()
  await expect.poll(() => visible.count(), { timeout: 10_000 }).toBeGreaterThan(1)
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByRole('button', { name: 'Play' }).waitFor()
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await expect.poll(() => page.getByRole('button', { name: 'Play' }).isDisabled()).toBe(true)
})

test('heads that are switched off change the answer as the engine says', async () => {
  const page = await openPanels()
  const panel = page.locator('.ablation-panel')
  await panel.getByRole('button', { name: 'Decoder 1, passage, all heads' }).click()
  const heads = Array.from({ length: 8 }, (_, head) => ({ attention: 'decoder.1.cross_attention', head }))
  const { text, tokens } = await recorder.ablation(heads)
  expect(text).not.toBe(recorder.recorded.text)
  await panel.getByText(text, { exact: true }).waitFor()
  const rows = await panel.locator('.ablation-table tbody tr').allInnerTexts()
  expect(rows.map((row) => row.split('\t').filter((cell) => /^−?\d+\.\d\d$/.test(cell)))).toEqual(
    tokens.map(({ before, after }) => [fixed(before, 2), fixed(after, 2), fixed(after - before, 2)]),
  )
  await panel.getByRole('button', { name: 'All on again' }).click()
  await panel.getByText('the same', { exact: true }).waitFor()
  await panel.getByRole('button', { name: 'Encoder 0, head 1 off' }).press('Space')
  expect(await panel.getByRole('button', { pressed: true }).count()).toBe(1)
})

test('the LSTM lies beside the encoder, word by word', async () => {
  const page = await openPanels()
  const panel = page.locator('.recurrent-panel')
  const rows = await panel.locator('tbody tr').allInnerTexts()
  const { words, influence, encoderInfluence, weights } = recurrent
  expect(rows.map((row) => row.split('\t').filter((cell) => cell.trim() !== ''))).toEqual(
    words.map((word, i) => [word, fixed(influence[i]), fixed(encoderInfluence[i])]),
  )
  expect(await panel.innerText()).toContain(weights)
})

test('a map is exported as a PNG', async () => {
  const page = await openPanels()
  const { type, width, height } = await page.evaluate((attention) => pngOf(attention, 2), ENCODER)
  expect(type).toBe('image/png')
  expect(width).toBeGreaterThan(32 * 25)
  expect(height).toBeGreaterThan(32 * 25)
})

test('256 tokens: the map scrolls in its box and follows the keyboard, the page does not scroll sideways', async () => {
  const tokens = Array.from({ length: 256 }, (_, i) => ({
    id: i,
    text: ` t${i}`,
    part: 'text' as const,
    start: 0,
    end: 0,
  }))
  const probs = new Float32Array(8 * 256 * 256).fill(1 / 256)
  const maps = [{ ...mapOf(ENCODER), queries: tokens, keys: tokens, probs }]
  const page = await openPanels({ maps }, { viewport: { width: 390, height: 844 } })
  const grid = page.getByRole('grid')
  await grid.focus()
  await page.keyboard.press('End')
  for (let i = 0; i < 26; i++) await page.keyboard.press('PageDown')
  expect(await told(page)).toBe('t255 looks at t255: 0.00')
  const isInside = await grid.evaluate((box) => {
    const cell = box.querySelector('.heat-map-cell')!.getBoundingClientRect()
    const { left, top, right, bottom } = box.getBoundingClientRect()
    return cell.left >= left && cell.top >= top && cell.right <= right && cell.bottom <= bottom
  })
  expect(isInside).toBe(true)
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
})

test.each([
  ['light', 1280],
  ['light', 390],
  ['dark', 1280],
  ['dark', 390],
])('axe finds nothing serious: %s, %i pixels wide', async (theme, width) => {
  const page = await openPanels({}, { viewport: { width, height: 900 } })
  await page.evaluate((name) => (document.documentElement.dataset.theme = name), theme)
  await page.getByText('The whole row as a table').click()
  await page.getByRole('grid').press('Enter')
  await page.locator('.cell-detail').waitFor()
  await page.locator('.ablation-table').waitFor()
  await page.evaluate(AXE)
  const serious = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run()
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  })
  expect(serious).toEqual([])
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
})
