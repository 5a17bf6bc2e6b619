/**
 * The top of the explorer's page: it shows the answer that the pipeline gives, worded or quoted, and fetches the span reader by itself where
 * that cannot be known without.
 */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Rag, type Answer } from '../../src/rag/index.js'
import { SEED_SCENE } from '../../web/app/seed.js'
import { weightsPath } from '../support/weights.js'
import { answerOf, openPage, seriousProblems, serveExplorer, settled } from './explorer-visit.js'

const NOTES = [
  'The backup runs every night at two. A copy is kept for thirty days and then deleted.',
  'Passwords must have at least twelve characters and are changed when somebody leaves the team.',
  'Errors are written to /var/log/app.log, which is rotated each week.',
]
const notesOf = (question: string) =>
  `#${new URLSearchParams([['q', question], ...NOTES.map((text, i) => [`p.note-${i}`, `\n${text}`])]).toString()}`
const REFUSAL = "I don't know."
const SEED_ANSWER = 'The capital of France is Paris.'

serveExplorer()

let rag: Rag
beforeAll(async () => {
  rag = await Rag.fromPretrained(weightsPath())
})
afterAll(() => rag?.dispose())

const askOfNotes = (question: string): Promise<Answer> =>
  rag.ask(question, { passages: NOTES.map((text, i) => ({ id: `note-${i}`, title: '', text })), topK: SEED_SCENE.topK })

const whyOf = (page: Page) => page.locator('.answer-why').innerText()
const openingOf = (page: Page) => page.locator('.opening').innerText()
const spokenBy = (page: Page) => page.locator('.opening .unseen[role=status]').innerText()
/** As the page writes it, to the tenth of a percent. */
const percent = (probability: number) => new RegExp(`probability ${(100 * probability).toFixed(1)}\\s%`)

test('what the reader that words refuses is quoted as Rag.ask quotes it, with its place and its probability', async () => {
  const question = 'When are passwords changed?'
  const asked = await askOfNotes(question)
  expect(asked.kind).toBe('quoted')
  const page = await openPage({ hash: notesOf(question), width: 390 })
  expect(await answerOf(page)).toBe(asked.text)
  expect(await spokenBy(page)).toBe(`Answer: ${asked.text}`)
  expect(await page.locator('.opening mark').innerText()).toBe('when somebody leaves the team')
  expect(await openingOf(page)).toContain('From passage 1: Passwords must have at …')
  expect(await openingOf(page)).toMatch(percent(asked.probability))
  expect(await whyOf(page)).toContain(`would say “${REFUSAL}”`)
  expect(await page.locator('#provenance .answer-text').innerText()).toBe(REFUSAL)
  expect(await seriousProblems(page)).toEqual([])
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
})

test('what both refuse is refused, and what came nearest is said', async () => {
  const question = 'Which album did the orchestra record?'
  const asked = await askOfNotes(question)
  expect(asked.kind).toBe('refused')
  const page = await openPage({ hash: notesOf(question) })
  expect(await answerOf(page)).toBe(REFUSAL)
  expect(await whyOf(page)).toMatch(percent(asked.probability))
  expect(await whyOf(page)).toContain(`“${asked.quotes!.text}”`)
})

test('the span reader is not fetched for the opening example; after a quote the example is worded again', async () => {
  const page = await openPage()
  expect(await answerOf(page)).toBe(SEED_ANSWER)
  expect(await whyOf(page)).toMatch(/^The second reader, \d+ MB, is asked for a quote when it comes into sight\.$/)
  await page.getByRole('textbox', { name: 'Question' }).fill('What is the tallest animal?')
  await page.waitForFunction(() => location.hash.includes('tallest'))
  await settled(page)
  expect(await answerOf(page)).toBe('The giraffe is the tallest living animal on land.')
  await page.goBack()
  await settled(page)
  expect(await answerOf(page)).toBe(SEED_ANSWER)
  expect(await page.locator('.opening .answer-token').count()).toBeGreaterThan(0)
  const asked = await rag.ask(SEED_SCENE.question, { passages: SEED_SCENE.passages, topK: SEED_SCENE.topK })
  expect(asked.kind).toBe('said')
  expect(await openingOf(page)).toMatch(percent(asked.probability))

  await page.locator('.scene').getByRole('radio', { name: 'RAG-Token' }).check()
  await settled(page)
  expect(await page.locator('.answer-why').count()).toBe(0)
  expect(await openingOf(page)).not.toContain('Right with probability')
})

test('where the span reader cannot be fetched, that is said beside the worded answer, and it can be tried again', async () => {
  const page = await openPage({ tolerated: /^Failed to load resource/ })
  await page.route('**/span-reader/**', (route) => route.abort())
  await page.getByRole('textbox', { name: 'Question' }).fill('What is the tallest animal?')
  await page.waitForFunction(() => location.hash.includes('tallest'))
  await settled(page)
  expect(await answerOf(page)).toBe(REFUSAL)
  expect(await whyOf(page)).toMatch(/^This is the first reader’s answer alone, .* the request failed/)
  await page.unroute('**/span-reader/**')
  await page.locator('.answer-why').getByRole('button', { name: 'Try again' }).click()
  await settled(page)
  expect(await answerOf(page)).toBe('The giraffe is the tallest living animal on land.')
})
