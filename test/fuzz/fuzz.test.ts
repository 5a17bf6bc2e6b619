/**
 * The fuzzer itself: it finds what it looks for. What it finds in the readers is a stage of `npm test`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Random } from '../../bench/random.js'
import { fuzz } from './fuzz.js'
import { LONGEST } from './mutate/mutate.js'
import { TARGETS } from './targets.js'

const folder = mkdtempSync(join(tmpdir(), 'glassformer-findings-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a reader that', () => {
  test.each([
    ['throws an untyped error', 'planted-error', 'untyped error'],
    ['never ends', 'planted-hang', 'hang'],
    ['takes all memory', 'planted-memory', 'memory'],
    ['ends the process', 'planted-exit', 'died'],
    ['says too much', 'planted-message', 'long message'],
  ])('%s is found, and its input kept', { timeout: 180_000 }, async (_does, name, what) => {
    const { findings, inputs } = await fuzz({ name, seconds: 3 }, { seconds: 4, seed: 1, folder })
    expect(inputs).toBeGreaterThan(0)
    const found = findings.find((finding) => finding.what === what)
    expect(found, JSON.stringify(findings)).toBeDefined()
    const again = await fuzz({ name, seconds: 3 }, { seconds: 1, seed: 1, folder, rerun: [found!.path] })
    expect(again.findings.map((finding) => finding.what)).toContain(what)
    expect(readFileSync(again.findings[0].path)).toEqual(readFileSync(found!.path))
  })
})

describe.each(TARGETS)('$name', ({ seeds, mutate, open }) => {
  test('the same seed makes the same inputs, which are short and mostly others than the good ones', async () => {
    const pool = await seeds()
    const made = [1, 1].map((seed) => {
      const random = new Random(seed)
      return Array.from({ length: 50 }, () => mutate(random.pick(pool), random, pool))
    })
    expect(made[0]).toEqual(made[1])
    expect(Math.max(...made[0].map(({ length }) => length))).toBeLessThanOrEqual(2 * LONGEST)
    const good = new Set(pool.map((seed) => Buffer.from(seed).toString('latin1')))
    expect(made[0].filter((input) => !good.has(Buffer.from(input).toString('latin1'))).length).toBeGreaterThan(35)
  })

  test('the good inputs are read', { timeout: 120_000 }, async () => {
    const reading = await open()
    try {
      for (const seed of await seeds()) await reading.read(seed)
    } finally {
      await reading.close?.()
    }
  })
})
