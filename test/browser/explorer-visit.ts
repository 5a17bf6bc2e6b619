/**
 * A visit to the explorer's page as `glassformer explore` or `serve` serve it: for the tests that use it as a person does.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type Axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { startExplorerServer, type ExplorerServer } from '../../src/cli/explorer-server.js'
import { launchChromium } from './chromium.js'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let browser: Browser
let server: ExplorerServer

/** To be called at the top of a test file. @param start by default the server of `glassformer explore` */
export function serveExplorer(start: () => Promise<ExplorerServer> = () => startExplorerServer(0)): void {
  beforeAll(async () => {
    browser = await launchChromium()
    server = await start()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })
}

export interface VisitOptions {
  readonly hash?: string
  readonly width?: number
  readonly colorScheme?: 'light' | 'dark'
  /** What the browser itself says of requests that fail, where a test makes them fail. */
  readonly tolerated?: RegExp
}

/** A fresh page whose first walk has ended. What goes wrong in it fails the test. */
export async function openPage({
  hash = '',
  width = 1280,
  colorScheme = 'light',
  tolerated,
}: VisitOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const page = await context.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  onTestFinished(async () => {
    await context.close()
    expect(problems.filter((problem) => !tolerated?.test(problem))).toEqual([])
  })
  await page.addInitScript(() => {
    const shifts = { sum: 0 }
    Object.assign(globalThis, { shifts })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) shifts.sum += entry.value
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
  await page.goto(server.address + hash)
  await page.locator('#recurrent .recurrent-panel').waitFor()
  await settled(page)
  return page
}

/** Waits until what is shown belongs to the scene, and the answer at the top is the one that is given. */
export async function settled(page: Page): Promise<void> {
  // the state changes with the event, the page with the frame after
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  await page.locator('.answer[aria-busy="false"]').waitFor()
  await page.waitForFunction(() => document.querySelector('.figure[aria-busy="true"]') === null)
}

/** What axe finds that keeps somebody from using the page. */
export async function seriousProblems(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof Axe }
    const { violations } = await axe.run(document)
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`)
  })
}

export const answerOf = (page: Page) => page.locator('.opening .answer-text').innerText()
export const hashOf = (page: Page) => page.evaluate(() => location.hash)
