/**
 * The explorer's page in a browser, with the real worker and models: each thing that a person can do there is done once.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Download, Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { goldenPath } from '../support/goldens.js'
import { answerOf, hashOf, openPage, seriousProblems, serveExplorer, settled } from './explorer-visit.js'

const ANSWER = 'The capital of France is Paris.'

serveExplorer()

const weights = (folder: string) => fileURLToPath(new URL(`../../weights/${folder}`, import.meta.url))
const readBadges = (page: Page) => page.locator('.ranking .read .name').allInnerTexts()

async function download(page: Page, act: () => Promise<void>): Promise<{ name: string; content: Buffer }> {
  const [file] = await Promise.all([page.waitForEvent('download') as Promise<Download>, act()])
  return { name: file.suggestedFilename(), content: readFileSync(await file.path()) }
}

test('the opening example answers, its claims are in sight, and nothing jumps', async () => {
  const page = await openPage()
  expect(await answerOf(page)).toBe(ANSWER)
  expect(await page.locator('.opening .unseen[role=status]').innerText()).toBe(`Answer: ${ANSWER}`)
  const findings = (await page.locator('.finding-pair').allInnerTexts()).map((text) => text.replace(/\s+/g, ' '))
  expect(findings).toEqual([
    expect.stringMatching(/^France looks at → Paris ?\d/),
    expect.stringMatching(/^capital looks at → Paris ?</), // which no head does, and the page says so
    expect.stringMatching(/^is looks at → Paris ?\d/),
  ])
  expect(await page.locator('#decoder .finding').first().innerText()).toContain('No head does what the story says.')
  expect(await page.evaluate(() => (globalThis as unknown as { shifts: { sum: number } }).shifts.sum)).toBeLessThan(
    0.01,
  )
})

describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
  test.each([1280, 390])(
    '%i px wide: axe finds nothing serious, and the page does not scroll sideways',
    async (width) => {
      const page = await openPage({ width, colorScheme })
      await page
        .getByRole('button', { name: /^Show every number/ })
        .first()
        .click()
      await page.locator('.cell-detail').first().waitFor()
      expect(await seriousProblems(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    },
  )
})

describe.each(['light', 'dark'] as const)('the span reader, %s', (colorScheme) => {
  test.each([1280, 390])('%i px wide: it is fetched when it comes into sight, and axe finds nothing', async (width) => {
    const page = await openPage({ width, colorScheme })
    const panel = page.locator('#quoting')
    expect(await panel.locator('.span-strip').count()).toBe(0)
    await panel.scrollIntoViewIfNeeded()
    await panel.locator('.span-decision').waitFor()
    await settled(page)
    await panel.getByText('The scores as a table').first().click()
    expect(await seriousProblems(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
  })
})

test('the span reader: shares sum to 1, keys go from token to token, and the maps are switched to its encoder', async () => {
  const page = await openPage()
  const panel = page.locator('#quoting')
  await panel.scrollIntoViewIfNeeded()
  await panel.locator('.span-decision').waitFor()
  const shares = await panel.getByRole('list', { name: 'Shares of the softmax' }).locator('.number').allInnerTexts()
  const percents = shares.map((text) => Number.parseFloat(text.replace('<', '')))
  expect(percents.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0)
  expect(await panel.locator('.span-decision [role=status]').innerText()).toMatch(/% worded, /)

  const strip = panel.locator('.span-strip').first()
  await strip.locator('[tabindex="0"]').focus()
  await page.keyboard.press('Home')
  const first = await panel.locator('.span-readout').first().innerText()
  await page.keyboard.press('ArrowRight')
  expect(await panel.locator('.span-readout').first().innerText()).not.toBe(first)
  expect(await strip.locator('button').first().getAttribute('aria-label')).toBe(first)
  await panel.getByText('The scores as a table').first().click()
  const row = (await panel.locator('tbody tr').first().innerText()).split(/\s+/)
  expect(first).toBe(`“${row[1]}”: start ${row[2]}, end ${row[3]}`)

  const encoder = page.locator('#encoder')
  await encoder.getByLabel('The span reader').check()
  await encoder.getByRole('grid', { name: 'Attention, Encoder 5' }).waitFor()
  await settled(page)
  expect(await encoder.locator('.head-picker label').count()).toBe(13)
  await encoder.getByRole('button', { name: /^Show every number/ }).click()
  await encoder.locator('.cell-detail').waitFor()
  await encoder.getByLabel('The reader', { exact: true }).check()
  await settled(page)
  expect(await encoder.locator('.head-picker label').count()).toBe(9)
})

test('the question, the passages, k and the mode can be changed, and taken back', async () => {
  const page = await openPage()
  await page.getByRole('textbox', { name: 'Question' }).fill('What is the capital of Germany?')
  await page.waitForFunction(() => location.hash.includes('Germany'))
  await settled(page)
  expect(await answerOf(page)).toBe('The capital of Germany is Berlin.')

  await page.getByText('Edit the passages').click()
  const text = page.getByLabel('Text of passage 3')
  await text.fill('Germany is a country in Europe. Its capital is Bonn.')
  await page.waitForFunction(() => location.hash.includes('Bonn'))
  await settled(page)
  expect(await answerOf(page)).toBe('The capital of Germany is Bonn.')

  await page.getByLabel('Passages read, k').fill('2')
  await page.getByLabel('Passages read, k').blur()
  await settled(page)
  expect(await page.locator('#reading .card').count()).toBe(2)

  await page.getByRole('button', { name: 'Add a passage' }).click()
  await settled(page)
  expect(await page.locator('.editor li').count()).toBe(6)
  await page.getByRole('button', { name: 'Remove passage 6' }).click()
  await settled(page)
  expect(await page.locator('.editor li').count()).toBe(5)

  await page.goBack()
  await settled(page)
  expect(await page.locator('.editor li').count()).toBe(6)
  await page.goForward()
  await settled(page)
  expect(await page.locator('.editor li').count()).toBe(5)

  await page.getByRole('button', { name: 'Reset' }).click()
  await settled(page)
  expect(await answerOf(page)).toBe(ANSWER)
  expect(await hashOf(page)).toBe('')
})

test('a passage is dropped and restored, and its score changed', async () => {
  const page = await openPage()
  const france = page.locator('.ranking li', { hasText: 'Its capital is Paris' })
  await france.getByRole('button', { name: 'Drop' }).click()
  await settled(page)
  expect(await readBadges(page)).not.toContain('France is a country in Europe. Its capital is Paris.')
  expect(await answerOf(page)).not.toBe(ANSWER)
  await france.getByRole('button', { name: 'Restore' }).click()
  await settled(page)
  expect(await answerOf(page)).toBe(ANSWER)

  const germany = page.locator('.ranking li', { hasText: 'Berlin' })
  await germany.getByRole('spinbutton').fill('0.95')
  await germany.getByRole('spinbutton').blur()
  await settled(page)
  expect((await readBadges(page)).length).toBe(3)
  expect(await page.locator('#prior tbody th').first().innerText()).toContain('Germany')
  expect(await answerOf(page)).toBe('The capital of France is Berlin.')
  expect(await hashOf(page)).toBe('#score.germany=0.95')
  await germany.getByRole('slider').press('ArrowLeft')
  await page.waitForFunction(() => location.hash === '#score.germany=0.945')
  await settled(page)
  await germany.getByRole('button', { name: 'Undo' }).click()
  await settled(page)
  expect(await answerOf(page)).toBe(ANSWER)
})

test('the corpus is asked, and the picture of its scores is a histogram', async () => {
  const page = await openPage()
  await page.getByLabel('the corpus').check()
  await settled(page)
  expect(await answerOf(page)).toBe(ANSWER)
  expect(await page.locator('.score-picture').getAttribute('aria-label')).toMatch(/of 3,324 passages/)
  expect(await page.locator('.score-picture rect').count()).toBeGreaterThan(20)
})

test('a dot product is taken apart, and its sum is the engine’s score', async () => {
  const page = await openPage()
  await page.locator('.ranking .row', { hasText: 'Seine' }).click()
  const [sum, score] = (await page.locator('.sum tfoot td').innerText()).split(' · ').map(Number)
  expect(sum).toBeCloseTo(score, 4)
  const strip = page.getByRole('slider', { name: "The question's vector" })
  await strip.press('Home')
  expect(await strip.getAttribute('aria-valuetext')).toMatch(/^number 0 of 384: /)
  await strip.press('ArrowRight')
  expect(await strip.getAttribute('aria-valuetext')).toMatch(/^number 1 of 384: /)
})

test('layer, head and cell are picked, and every number behind the cell is shown', async () => {
  const page = await openPage()
  const encoder = page.locator('#encoder')
  await encoder.getByLabel('Encoder 2').check()
  await settled(page)
  await encoder.locator('.head-picker label').nth(4).click()
  await settled(page)
  expect(await hashOf(page)).toMatch(/encoder=encoder\.2\.self_attention%3A4%3A/)
  await encoder.getByRole('button', { name: /^Show every number/ }).click()
  await encoder.locator('.cell-detail').waitFor()
  expect(await encoder.locator('.cell-detail').innerText()).toContain('encoder.2.self_attention')
  await encoder.locator('.finding').getByRole('button', { name: 'Show it' }).click()
  await settled(page)
  expect(await encoder.locator('.finding').getByRole('button', { name: 'Shown below' }).count()).toBe(1)
})

test('a token says where it looks, a step moves everything with it, and the cache grows', async () => {
  const page = await openPage()
  await page.locator('#distributions .steps label').nth(1).click()
  await settled(page)
  expect(await page.locator('#distributions .proposals-of.strong .note').innerText()).toContain('capital')
  expect(await page.locator('#decoder .step-scrubber').innerText()).toContain('Step 2 of 9')
  expect(await page.locator('#decoder .cache-view').innerText()).toContain('1 row')
  await page.locator('#decoder .step-scrubber input[type=range]').press('ArrowRight')
  await settled(page)
  expect(await page.locator('#decoder .step-scrubber').innerText()).toContain('Step 3 of 9')
  expect(await page.locator('#distributions .steps :checked + span').innerText()).toContain('of')
})

test('the modes are switched and compared', async () => {
  const page = await openPage()
  await page.getByRole('button', { name: 'Compare all three modes' }).click()
  await page.locator('#mixture .weights').nth(2).waitFor()
  expect(await page.locator('#mixture .weights caption b').allInnerTexts()).toEqual([
    'Conditioned',
    'RAG-Sequence',
    'RAG-Token',
  ])
  const weights = async (table: number, row: number) =>
    (
      await page.locator('#mixture .weights').nth(table).locator('tbody tr').nth(row).locator('td').allInnerTexts()
    ).slice(1)
  expect(new Set(await weights(2, 0)).size).toBe(1) // RAG-Token begins anew with the prior at each token
  expect(new Set(await weights(1, 0)).size).toBeGreaterThan(1)
  await page.locator('#mixture').getByRole('radio', { name: 'RAG-Token' }).check()
  await settled(page)
  expect(await hashOf(page)).toContain('mode=rag-token')
  expect(await page.locator('.scene').getByRole('radio', { name: 'RAG-Token' }).isChecked()).toBe(true)
})

test('the answer’s words show their sources', async () => {
  const page = await openPage()
  const token = page.locator('#provenance .answer-token', { hasText: 'Par' })
  await token.hover()
  expect(await page.locator('#provenance mark', { hasText: 'Paris' }).count()).toBe(1)
  expect(await page.locator('#provenance .readout').innerText()).toMatch(/“Par”: p 99.*“Paris” of passage 1/)
  await token.click()
  await settled(page)
  expect(await page.locator('#distributions .steps :checked + span').innerText()).toContain('Par')
})

test('a head is taken away: what tokens lose, and the whole path without it', async () => {
  const page = await openPage()
  const ablation = page.locator('#ablation')
  await ablation.getByRole('button', { name: 'Encoder 1, head 0 off' }).click()
  await settled(page)
  expect(await hashOf(page)).toContain('try=encoder.1.self_attention')
  await ablation.getByRole('button', { name: 'Walk the whole path without these heads' }).click()
  await settled(page)
  expect(await hashOf(page)).toContain('off=encoder.1.self_attention%3A0')
  expect(await page.locator('.answer-why').innerText()).toContain("would say “I don't know.”")
  expect(await answerOf(page)).toBe('Its capital is Paris.') // the span reader has lost no head
  await ablation.getByRole('button', { name: /^Put all heads back/ }).click()
  await settled(page)
  expect(await answerOf(page)).toBe(ANSWER)
})

test('a link opens what its sender saw', async () => {
  const page = await openPage()
  await page.getByRole('textbox', { name: 'Question' }).fill('What is the capital of Australia?')
  await page.waitForFunction(() => location.hash.includes('Australia'))
  await settled(page)
  await page.locator('#reading .card').nth(1).click()
  await settled(page)
  await page.getByRole('button', { name: 'Copy link' }).click()
  const link = await page.evaluate(() => navigator.clipboard.readText())
  const other = await openPage({ hash: new URL(link).hash })
  expect(await answerOf(other)).toBe(await answerOf(page))
  expect(await other.locator('#reading .card').nth(1).locator('input').isChecked()).toBe(true)
})

test('a hostile link is refused with a message, and the example shown', async () => {
  const page = await openPage({ hash: '#mode=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E' })
  expect(await page.locator('.trouble').innerText()).toContain("the link's mode is")
  expect(await page.locator('.trouble img').count()).toBe(0)
  expect(await answerOf(page)).toBe(ANSWER)
})

test('what cannot be answered is said in place, and the way back is there', async () => {
  const page = await openPage()
  await page.getByRole('textbox', { name: 'Question' }).fill('')
  await page.locator('.trouble').waitFor()
  expect(await page.locator('.answer-token').count()).toBeGreaterThan(0)
  await page.getByRole('button', { name: 'Back to the example' }).click()
  await settled(page)
  expect(await page.locator('.trouble').count()).toBe(0)
  expect(await answerOf(page)).toBe(ANSWER)
})

test('numbers, the walk and pictures are saved', async () => {
  const page = await openPage()
  const walk = await download(page, () => page.getByRole('button', { name: 'Save JSON' }).click())
  const saved = JSON.parse(walk.content.toString()) as { answer: { text: string }; questionVector: number[] }
  expect([walk.name, saved.answer.text, saved.questionVector.length]).toEqual(['glassformer-walk.json', ANSWER, 384])

  const csv = await download(page, () =>
    page
      .locator('#encoder')
      .getByRole('button', { name: /Save CSV/ })
      .click(),
  )
  const rows = csv.content.toString().trim().split('\r\n')
  expect(rows[0].split(',').length).toBe(rows.length) // as many keys as queries, and a column and a row of labels
  for (const panel of ['vector', 'ranking', 'encoder', 'decoder']) {
    const png = await download(page, () =>
      page
        .locator(`#${panel}`)
        .getByRole('button', { name: /Save PNG/ })
        .click(),
    )
    expect(png.content.subarray(1, 4).toString()).toBe('PNG')
    expect(png.content.length).toBeGreaterThan(2000)
  }
})

test('passages of a file are asked, and a bad file is refused', async () => {
  const page = await openPage()
  const open = page.getByLabel('Open passages')
  await open.setInputFiles({
    name: 'my.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('Its capital is Lyon.\n\nFrance has a capital. Its capital is Nice.'),
  })
  await settled(page)
  expect(await answerOf(page)).toBe('The capital of France is Nice.')
  await open.setInputFiles({ name: 'my.jsonl', mimeType: '', buffer: Buffer.from('{"text":') })
  await page.locator('.trouble').waitFor()
  expect(await page.locator('.trouble').innerText()).toContain('my.jsonl, line 1 is not JSON')
  await page.locator('.trouble').getByRole('button', { name: 'Close' }).click()
})

test('a Hugging Face folder is opened: a reader answers, another model shows its attention, a bad one is refused', async () => {
  const page = await openPage()
  const open = page.getByLabel('Open a model folder')
  await open.setInputFiles(weights('all-MiniLM-L6-v2'))
  await page.locator('#text-model .heat-map').waitFor()
  expect(await page.locator('#text-model h2').innerText()).toBe('all-MiniLM-L6-v2 over a text')
  expect(await answerOf(page)).toBe(ANSWER)

  await open.setInputFiles(goldenPath('bert/base'))
  await page.locator('.trouble').waitFor()
  expect(await page.locator('.trouble').innerText()).toContain('there is no tokenizer.json')
  await page.locator('.trouble').getByRole('button', { name: 'Close' }).click()

  await open.setInputFiles(weights('reader'))
  await page.locator('#text-model').waitFor({ state: 'detached' })
  await settled(page)
  expect(await answerOf(page)).toBe(ANSWER)
})

test('a folder and a file of passages are dropped on the page', async () => {
  const page = await openPage()
  await drop(page, weights('all-MiniLM-L6-v2'))
  await page.locator('#text-model .heat-map').waitFor()
  expect(await page.locator('#text-model h2').innerText()).toBe('all-MiniLM-L6-v2 over a text')

  const folder = await mkdtemp(join(tmpdir(), 'glassformer-drop-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'nice.txt'), 'France has a capital. Its capital is Nice.')
  await drop(page, join(folder, 'nice.txt'))
  await settled(page)
  expect(await answerOf(page)).toBe('The capital of France is Nice.')
})

/** Drops a file or a folder of the disk as a person does, from outside the browser. */
async function drop(page: Page, path: string): Promise<void> {
  const devTools = await page.context().newCDPSession(page)
  const data = { items: [], files: [path], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await devTools.send('Input.dispatchDragEvent', { type, x: 400, y: 300, data })
  }
  await devTools.detach()
}

test('the theme is chosen and kept', async () => {
  const page = await openPage()
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const light = await paper()
  await page.getByRole('button', { name: /^Theme/ }).click()
  await page.getByRole('button', { name: /^Theme/ }).click()
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
  expect(await paper()).not.toBe(light)
  await page.reload()
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
})

test('with the keyboard alone: to the path, through the stations, into the map', async () => {
  const page = await openPage()
  await page.keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Skip to the path')
  await page.keyboard.press('Enter')
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('path')
  expect(await hashOf(page)).toBe('')
  const map = page.locator('#encoder .heat-map [tabindex="0"], #encoder .heat-map[tabindex="0"]').first()
  await map.focus()
  const before = await page.locator('#encoder .attention-readout').innerText()
  await page.keyboard.press('ArrowRight')
  await settled(page)
  expect(await page.locator('#encoder .attention-readout').innerText()).not.toBe(before)
  await page.keyboard.press('Enter')
  await page.locator('#encoder .cell-detail').waitFor()
})
