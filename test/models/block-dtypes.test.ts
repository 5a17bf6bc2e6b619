import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { SentenceEncoder } from '../../src/rag/index.js'
import { quantiseCheckpoint } from '../../src/models/index.js'
import { BACKENDS } from '../support/backends.js'
import { runCli } from '../support/cli.js'
import { goldenPath } from '../support/goldens.js'
import { weightsPath } from '../support/weights.js'

const MINILM = weightsPath('all-MiniLM-L6-v2')
const TEXTS = ['Paris is the capital of France.', 'A man is playing guitar.', 'How many legs does a spider have?']
const folder = mkdtempSync(join(tmpdir(), 'glassformer-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The least cosine of a text's vector with that of the checkpoint's own floats: what the formats cost MiniLM. */
const LEAST_COSINE = { q8: 0.9995, q4: 0.975 } as const

function cosines(a: Float32Array, b: Float32Array): number[] {
  const width = a.length / TEXTS.length
  return TEXTS.map((_, i) => {
    const [x, y] = [a, b].map((vectors) => vectors.subarray(i * width, (i + 1) * width))
    return x.reduce((sum, value, d) => sum + value * y[d], 0)
  })
}

describe.each(BACKENDS)('a checkpoint in blocks on $name', ({ create }) => {
  test.each(['q8', 'q4'] as const)('%s: vectors near those of the floats', async (dtype) => {
    const backend = await create()
    const float = await SentenceEncoder.fromPretrained(MINILM, { backend })
    const blocks = await SentenceEncoder.fromPretrained(MINILM, { backend, dtype })
    const found = cosines(await blocks.embed(TEXTS), await float.embed(TEXTS))
    for (const cosine of found) expect(cosine).toBeGreaterThan(LEAST_COSINE[dtype])
    float.dispose()
    blocks.dispose()
  })
})

test('glassformer convert writes what is computed as if it had been quantised at load', async () => {
  const target = join(folder, 'minilm-q4')
  const { code, stdout, stderr } = await runCli(['convert', MINILM, target, '--dtype', 'q4'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/minilm-q4: \d+ tensors, \d+\.\d MB\n$/)
  const backend = await BACKENDS.at(-1)!.create()
  const atLoad = await SentenceEncoder.fromPretrained(MINILM, { backend, dtype: 'q4' })
  const stored = await SentenceEncoder.fromPretrained(target, { backend })
  expect(await stored.embed(TEXTS)).toEqual(await atLoad.embed(TEXTS))

  const again = await runCli(['convert', MINILM, target, '--dtype', 'q4'])
  expect(again.code).toBe(1)
  expect(again.stderr).toContain('holds files already')
})

test('what a file holds transposed, and what is no matrix, stays as it is', async () => {
  const source = goldenPath('gpt2/base')
  const names: string[] = []
  for await (const [name, tensor] of quantiseCheckpoint(source, 'q8')) names.push(`${name} ${tensor.dtype}`)
  expect(names.filter((name) => name.includes('.q8_0'))).toEqual(['transformer.wte.weight.q8_0 uint8'])
  expect(names).toContain('transformer.h.0.attn.c_attn.weight float32')
})

test('convert asks for a dtype', async () => {
  const { code, stderr } = await runCli(['convert', MINILM, join(folder, 'none')])
  expect(code).toBe(2)
  expect(stderr).toContain('--dtype is missing: q8 or q4')
  expect((await runCli(['convert', MINILM, join(folder, 'none'), '--dtype', 'q3'])).stderr).toContain('--dtype is "q3"')
})
