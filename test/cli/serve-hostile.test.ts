/**
 * `glassformer serve` among clients who mean harm, or have bad luck: the command itself with its models, over HTTP.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli, serveCli } from '../support/cli.js'
import { FILES, visitAmongHostile } from '../support/hostile-clients.js'
import { post, until } from '../support/http.js'

const folder = mkdtempSync(join(tmpdir(), 'glassformer-hostile-'))
const index = join(folder, 'notes.index')

beforeAll(async () => {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text)
  const ran = await runCli(['index', ...Object.keys(FILES).map((name) => join(folder, name)), '--out', index])
  expect(ran.code, ran.stderr).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true }))

const health = async (address: string) =>
  (await (await fetch(`${address}api/health`)).json()) as { status: string; questions: number }

/** Computes for as long as a question can: many passages, and as many words as the encoder reads. */
const LONG = { question: `What is ${'the capital of '.repeat(80)}France?`, topK: 50 }

test('500 requests, 25 of them hostile: none of the others is lost', { timeout: 300_000 }, async () => {
  const result = await serveCli(['--index', index, '--queue', '8'], async (address) => {
    const { answered, lost, hostile } = await visitAmongHostile(address, 500, 20)
    expect(lost).toEqual([])
    expect(answered).toBe(475)
    expect(hostile).toHaveLength(25)
    for (const { name, status, expected } of hostile) expect(status, name).toBe(expected)
    await until(async () => (await health(address)).questions === 0)
  })
  expect(result).toMatchObject({ code: 0, stderr: '' })
})

test('while the longest question is computed, its server answers whatever is not computed; SIGTERM ends it', async () => {
  let visited: Promise<void> | undefined
  const visit = async (address: string, end: () => void) => {
    let isOver = false
    const asked = post(address, 'ask', LONG).finally(() => (isOver = true))
    await until(async () => (await health(address)).questions === 1)
    const others = [post(address, 'ask', { question: 'x' }), post(address, 'search', { question: 'x' })]
    await until(async () => (await health(address)).questions === 3)
    for (let i = 0; i < 20; i++) {
      expect(await health(address)).toMatchObject({ status: 'ok' })
      expect((await fetch(`${address}api/passages/countries-152`)).status).toBe(200)
    }
    expect(isOver).toBe(false)
    end()
    for (const response of await Promise.all([asked, ...others])) {
      expect(response.status).toBe(503)
      expect(await response.json()).toMatchObject({ code: 'shutting-down' })
    }
  }
  const result = await runCli(['serve', '--port', '0'], {
    watch: (child, stdout) => {
      const address = /at (http:\S+)\n/.exec(stdout)?.[1]
      if (address === undefined) return
      visited ??= visit(address, () => child.kill('SIGTERM')).catch((error: unknown) => {
        child.kill('SIGKILL')
        throw error
      })
    },
  })
  await visited
  expect(result).toMatchObject({ code: 0, stderr: '' })
})
