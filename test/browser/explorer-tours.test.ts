/**
 * The guided tours: each is walked to its end, and each of its tasks is done as a person would do it, so that no task is impossible.
 */
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { TOURS } from '../../web/tours/tours.js'
import { answerOf, openPage, serveExplorer, settled } from './explorer-visit.js'

serveExplorer()

const ask = (question: string) => async (page: Page) => {
  await page.getByRole('textbox', { name: 'Question' }).fill(question)
  await page.waitForFunction((hash) => location.hash.includes(hash), new URLSearchParams({ q: question }).toString())
}

/** Chooses a head, and moves through its map with the arrow keys until a cell's tokens are those. */
async function chooseCell(
  page: Page,
  panel: string,
  choice: { layer: string; head: number; query: number; key: number },
) {
  const view = page.locator(`#${panel}`)
  await view.getByLabel(choice.layer, { exact: true }).check()
  await settled(page)
  await view.locator('.head-picker label').nth(choice.head).click()
  const map = view.locator('.heat-map [tabindex="0"], .heat-map[tabindex="0"]').first()
  await map.focus()
  const current = async () => {
    const [, query, key] = /, (\d+), (\d+)\]/.exec(await view.locator('.attention-readout').innerText())!.map(Number)
    return { query, key }
  }
  for (let moves = 0; moves < 100; moves++) {
    const { query, key } = await current()
    if (query === choice.query && key === choice.key) return
    await map.press(
      query < choice.query
        ? 'ArrowDown'
        : query > choice.query
          ? 'ArrowUp'
          : key < choice.key
            ? 'ArrowRight'
            : 'ArrowLeft',
    )
    await settled(page)
  }
  throw new Error('the cell was not reached')
}

/** By tour, what a person does at its tasks, one after the other. */
const SOLUTIONS: Readonly<Record<string, readonly ((page: Page) => Promise<void>)[]>> = {
  'Tokens and embeddings': [ask('What is the capital of Zorblaxia?')],
  'Self-attention': [(page) => chooseCell(page, 'encoder', { layer: 'Encoder 0', head: 5, query: 9, key: 11 })],
  'Multi-head attention': [
    async (page) => {
      await page.getByRole('button', { name: 'Encoder 1, head 0 off' }).click()
      await page.getByRole('button', { name: 'Walk the whole path without these heads' }).click()
    },
  ],
  Positions: [(page) => chooseCell(page, 'encoder', { layer: 'Encoder 0', head: 1, query: 5, key: 4 })],
  'The encoder': [ask('Which continent is France in?')],
  'The decoder and cross-attention': [
    (page) => chooseCell(page, 'decoder', { layer: 'Decoder 1, passage', head: 0, query: 5, key: 11 }),
  ],
  Retrieval: [ask('Which city is the seat of the French government?')],
  'Retrieval-augmented generation': [
    async (page) => {
      await page
        .locator('.ranking li', { hasText: 'Its capital is Paris' })
        .getByRole('button', { name: 'Drop' })
        .click()
    },
    async (page) => {
      await page.getByText('Edit the passages', { exact: true }).click()
      await page.getByRole('button', { name: 'Add a passage' }).click()
      await page.getByLabel('Text of passage 6').fill('What is the capital of France? It is Lyon.')
      await page.waitForFunction(() => location.hash.includes('Lyon'))
      await settled(page)
      expect(await answerOf(page)).toBe('The capital of France is Lyon.')
    },
  ],
}

test.each(TOURS)('$title', async ({ title, stops }) => {
  const page = await openPage()
  const guide = page.getByRole('dialog', { name: title })
  await page
    .getByRole('navigation', { name: 'Eight guided tours' })
    .getByRole('button', { name: title, exact: true })
    .click()
  const solutions = [...SOLUTIONS[title]]
  for (const [i, { at, task }] of stops.entries()) {
    await settled(page)
    expect(await guide.innerText()).toContain(`${i + 1} of ${stops.length}`)
    expect(await page.locator('[data-toured]').getAttribute('id')).toBe(at)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('guide-title')
    if (task) {
      expect(await guide.getByRole('status').innerText()).toBe('')
      await solutions.shift()!(page)
      await guide.getByText('Done.').waitFor()
      expect(await guide.getByRole('status').innerText()).toBe(task.done)
    }
    await guide.getByRole('button', { name: /^(Next|Finish)$/ }).click()
  }
  expect(await guide.count()).toBe(0)
  expect(solutions).toEqual([])
})

test('a tour is left with Escape', async () => {
  const page = await openPage({ width: 390 })
  await page.getByRole('button', { name: 'Retrieval', exact: true }).click()
  await page.getByRole('dialog').waitFor()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
  await page.keyboard.press('Escape')
  expect(await page.getByRole('dialog').count()).toBe(0)
})
