/**
 * The page of `glassformer serve` over an index: it asks the server's documents, shows what each stage of the search said, and reads in the
 * page what the server found.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page, Route } from 'playwright-core'
import { afterAll, expect, test } from 'vitest'
import { explorerPages } from '../../src/cli/explorer-server.js'
import { openPassages, openPipeline, type Pipeline } from '../../src/cli/pipeline.js'
import { DEFAULT_LIMITS, startAnswerServer, type AnswerServer } from '../../src/cli/server/answer-server.js'
import { ServedPassages } from '../../src/cli/server/served-passages.js'
import { processTerminal } from '../../src/cli/terminal.js'
import type { RetrievedPassage } from '../../src/rag/index.js'
import { answersHere } from '../support/answers-here.js'
import { runCli } from '../support/cli.js'
import { wordTokenizer, writeSmallFolder } from '../support/small-tokenizers.js'
import { answerOf, hashOf, openPage, seriousProblems, serveExplorer, settled } from './explorer-visit.js'

const QUESTION = 'What is the capital of Arlen?'
const HASH = `#q=${encodeURIComponent(QUESTION)}&served=1`
const FILES = {
  'arlen.md': '# Arlen\n\nArlen is a country in Europe. Its capital is Brask.\n',
  'brask.txt': 'Brask is a city. It lies in Arlen.\n',
  'tea.txt': 'Tea is a drink. It is made of leaves.\n',
  'tower.txt': 'The tower of Vell is a tall building made of iron.\n',
}
const folder = mkdtempSync(join(tmpdir(), 'glassformer-served-'))
let pipeline: Pipeline
let passages: ServedPassages
let server: AnswerServer

serveExplorer(async () => {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text)
  const index = join(folder, 'notes.index')
  const ran = await runCli(['index', ...Object.keys(FILES).map((name) => join(folder, name)), '--out', index])
  expect(ran.code, ran.stderr).toBe(0)
  const rerank = writeSmallFolder(join(folder, 'judge'), {
    golden: 'bert/sequence-classification', // random weights: its order is as good as any
    tokenizer: wordTokenizer,
  })
  pipeline = await openPipeline({ index, rerank }, processTerminal(new AbortController().signal))
  passages = await ServedPassages.open(() => openPassages({ index }))
  server = await startAnswerServer({
    answers: answersHere(pipeline),
    passages,
    pages: await explorerPages({ api: true }),
    host: '127.0.0.1',
    port: 0,
    allowedOrigins: [],
    limits: DEFAULT_LIMITS,
    onDefect: (error) => expect.unreachable(String(error)),
  })
  return { address: server.address, close: () => server.drain() }
})
afterAll(async () => {
  await Promise.all([pipeline.close(), passages.close()])
  rmSync(folder, { recursive: true })
})

/** `1 0.523`, `not among the nearest 0.1`, by column of the table. */
async function tableOf(page: Page): Promise<string[][]> {
  const rows = await page.locator('.stages tbody tr').all()
  return Promise.all(
    rows.map(async (row) => {
      const cells = await row.locator('td').evaluateAll((cells) => cells.map((cell) => cell.textContent!))
      return cells.slice(0, 4).map((cell) => cell.replace('−', '-'))
    }),
  )
}

test('asks the documents of the server, and shows rank and score of each stage for every passage', async () => {
  const page = await openPage()
  await page.getByRole('textbox', { name: 'Question' }).fill(QUESTION)
  await page.getByRole('radio', { name: 'notes.index' }).check()
  await page.waitForFunction((hash) => location.hash === hash, HASH.replaceAll('%20', '+'))
  await settled(page)
  expect(await answerOf(page)).toBe('The capital of Arlen is Brask.')
  expect(await page.locator('.scene .note', { hasText: 'The server searches its 4 passages' }).count()).toBe(1)

  const found = await pipeline.rag.retrieve(QUESTION, { topK: 20 })
  expect(found.map(({ ranks }) => ranks!.reranker)).toEqual([1, 2, 3, 4])
  const expected = ({ score, scores = {}, ranks = {} }: RetrievedPassage) =>
    (['dot', 'text', 'rrf', 'reranker'] as const).map((stage) => ({
      rank: ranks[stage],
      score: stage === 'dot' ? score : scores[stage],
      digits: stage === 'rrf' ? 4 : 3,
    }))
  const table = await tableOf(page)
  expect(table).toHaveLength(4)
  for (const [i, passage] of found.entries()) {
    for (const [s, { rank, score, digits }] of expected(passage).entries()) {
      if (rank !== undefined) expect(table[i][s]).toMatch(new RegExp(`^${rank}\\b`))
      else expect(table[i][s]).toBe('none of the words')
      if (score !== undefined) expect(table[i][s].endsWith(score.toFixed(digits))).toBe(true)
    }
  }
  const best = found[0]
  expect(await page.locator('#ranking .citation').innerText()).toMatch(/characters \d+ to \d+$/)
  expect(await page.locator('#ranking .sum tfoot td').innerText()).toBe(
    `${best.score.toFixed(5)} · ${best.score.toFixed(5)}`.replaceAll('-', '−'),
  )
  expect(await page.locator('#prior thead th').allInnerTexts()).toEqual(['passage', 'logit', 'prior'])
  expect(await page.locator('#provenance .citation').first().innerText()).toContain(folder)

  const dropped = page.locator('.stages tbody tr').first()
  await dropped.getByRole('button', { name: /^Drop/ }).click()
  await settled(page)
  expect(await page.locator('#reading .card').count()).toBe(2)
  expect(await hashOf(page)).toContain('drop=')
  await dropped.getByRole('button', { name: /^Restore/ }).click()
  await page.getByRole('radio', { name: 'the corpus' }).check()
  await settled(page)
  expect(await page.locator('.ranking li').count()).toBe(10)
})

test('390 px wide: axe finds nothing serious, light or dark, and only the table scrolls sideways', async () => {
  const page = await openPage({ hash: HASH, width: 390 })
  await page.locator('.rank-chart').waitFor()
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    expect(await seriousProblems(page), colorScheme).toEqual([])
  }
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
})

test('what goes wrong at the server is said in place, and the way back is there', async () => {
  const page = await openPage({ hash: HASH, tolerated: /^Failed to load resource/ })
  const json = (status: number, body: object) => (route: Route) => route.fulfill({ status, json: body })
  const ways: readonly [string, (route: Route) => Promise<void>][] = [
    ['the server says: the database is away', json(503, { code: 'unreachable', message: 'the database is away' })],
    ['"stages" is no list', json(200, { stages: 1 })],
    ['came from a server without documents', (route) => route.fulfill({ status: 405, body: '' })],
    ['does not answer; is it still running?', (route) => route.abort()],
  ]
  const alert = page.locator('.trouble')
  await page.route('**/api/search', ways[0][1])
  await page.getByRole('textbox', { name: 'Question' }).fill('What is tea?')
  for (const [i, [message]] of ways.entries()) {
    await alert.filter({ hasText: message }).waitFor()
    await page.unroute('**/api/search')
    if (ways[i + 1]) await page.route('**/api/search', ways[i + 1][1])
    await alert.getByRole('button', { name: 'Try again' }).click()
  }
  await alert.waitFor({ state: 'detached' })
  await settled(page)
  expect(await answerOf(page)).toBe((await pipeline.rag.ask('What is tea?', { topK: 3 })).text)
})
