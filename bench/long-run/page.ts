/**
 * Questions to the library in a page of chromium. The memory is that of the process in which the page runs.
 */
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { startServer } from '../../test/browser/server.js'
import { findChromium } from '../../test/support/find-chromium.js'
import type { LongRun, Sample } from './growth.js'

/** Questions between two looks at the memory. */
const LOOK_EVERY = 5
const SCRIPT = `
  import { Rag } from '/dist/browser.js'
  const rag = await Rag.fromPretrained('/weights')
  const questions = ['What is the capital of France?', 'What is tea?', 'Who wrote Hamlet?', 'Which river flows through Rome?', 'What is 2 + 2?']
  globalThis.ask = async (n) => (await rag.ask(questions[n % questions.length], { topK: 2 })).text
`

/** @throws Error where there is no chromium, or no /proc to look at */
export async function runPage(count: number, onProgress: (done: number) => void): Promise<LongRun> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error('there is no chromium; CHROMIUM_PATH names one')
  const begun = performance.now()
  const server = await startServer({ files: new Map([['/page.js', SCRIPT]]) })
  const browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu'] })
  const samples: Sample[] = []
  try {
    const page = await browser.newPage()
    page.setDefaultTimeout(0)
    await page.goto(server.url)
    await page.waitForFunction(() => 'ask' in globalThis)
    const inPage = await page.context().newCDPSession(page)
    const inBrowser = await browser.newBrowserCDPSession()
    for (let done = 1; done <= count; done++) {
      const text = await page.evaluate(
        (n) => (globalThis as unknown as { ask: (n: number) => Promise<string> }).ask(n),
        done,
      )
      if (text === '') throw new Error(`question ${done} has no answer`)
      onProgress(done)
      if (done % LOOK_EVERY !== 0 && done !== count) continue
      await inPage.send('HeapProfiler.collectGarbage')
      const { processInfo } = await inBrowser.send('SystemInfo.getProcessInfo')
      const renderers = processInfo.filter(({ type }) => type === 'renderer')
      samples.push([done, Math.max(...renderers.map(({ id }) => residentBytes(id)))])
    }
  } finally {
    await browser.close()
    await server.close()
  }
  return { name: 'the library in a page', unit: 'questions', seconds: (performance.now() - begun) / 1000, samples }
}

/** Of another process, as the kernel of Linux counts it. */
function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}
