import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { weightsPath } from '../support/weights.js'

async function measure(what: 'rounds' | 'peak' | 'store' | 'retriever' | 'header'): Promise<unknown> {
  const child = fileURLToPath(new URL('child.ts', import.meta.url))
  const args = ['--expose-gc', '--import', import.meta.resolve('tsx'), child, what]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout)
}

test('loading, generating and disposing again and again holds on to nothing', { timeout: 300_000 }, async () => {
  const held = (await measure('rounds')) as number[]
  const settled = held.slice(2) // code and caches of the first rounds stay
  const growth = (settled.at(-1)! - settled[0]) / (settled.length - 1)
  const model = statSync(weightsPath('reader/model.safetensors')).size
  expect(growth, `bytes held after each round: ${held.join(', ')}`).toBeLessThan(model / 50)
  expect(Math.max(...held), 'a dropped model is gone').toBeLessThan(held[0] + model / 2)
})

test('answering a question takes less than 600 MB', { timeout: 300_000 }, async () => {
  expect(await measure('peak')).toBeLessThan(600e6)
})

test.each(['store', 'retriever'] as const)(
  'an int8 index is in memory once: %s',
  { timeout: 300_000 },
  async (what) => {
    const growth = await measure(what)
    expect(growth).toBeGreaterThan(1)
    expect(growth).toBeLessThan(1.3)
  },
)

test('a safetensors header takes less than eight times its bytes while it is read', { timeout: 300_000 }, async () => {
  expect(await measure('header')).toBeLessThan(8)
})
