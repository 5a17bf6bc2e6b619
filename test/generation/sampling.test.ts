import { describe, expect, test } from 'vitest'
import {
  draw,
  logitsProcessors,
  randomStream,
  resolveSettings,
  samplingProcessors,
  type GenerationConfig,
} from '../../src/generation/index.js'
import { toOptions } from '../support/generation.js'
import { expectClose, goldenJson, goldenTensors, TOLERANCE } from '../support/goldens.js'
import { softmax } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/tensor.js'

interface SamplingCase {
  readonly case: string
  readonly args: Readonly<Record<string, unknown>>
  readonly input?: string
  readonly kept: readonly number[]
}

const CONFIG: GenerationConfig = {
  decoderStartTokenId: 0,
  eosTokenIds: [],
  padTokenId: 0,
  options: {},
  unsupported: [],
}
const { cases } = goldenJson<{ readonly cases: readonly SamplingCase[] }>('sampling', 'case.json')

describe('processors', () => {
  test.each(cases)('$case $args', async ({ case: name, args, input = 'logits', kept }) => {
    const golden = await goldenTensors('sampling', 'expected.safetensors')
    const logits = golden.float(input) // [rows, vocabulary]
    const ids = input === 'logits' ? golden.ids('input_ids') : Tensor.int32([0], [1, 1])
    const { prompt_length: promptLength = ids.shape[1], ...options } = args
    const asked = { topK: 0, ...toOptions(options), doSample: true }
    const settings = resolveSettings(asked, CONFIG, { promptLength: Number(promptLength), hasSource: false })
    const processors = [...logitsProcessors(settings), ...samplingProcessors(settings)]
    const [rows, width] = logits.shape
    const processed = Array.from({ length: rows }, (_, row) => {
      const scores = logits.select(0, row).copy().data
      const sequence = ids.select(0, row).toArray()
      for (const process of processors) process(scores, sequence, row)
      return scores
    })
    const counts = processed.map((scores) => scores.filter((score) => score !== -Infinity).length)
    expect(counts).toEqual(kept)
    const got = Tensor.float32(
      processed.flatMap((scores) => [...scores]),
      [rows, width],
    )
    expectClose(got, golden.float(`${name}.processed`), TOLERANCE.ops, name)
    if (golden.has(`${name}.probabilities`)) {
      expectClose(softmax(got), golden.float(`${name}.probabilities`), TOLERANCE.probabilities, name)
    }
  })
})

describe('drawing', () => {
  test('frequencies are the probabilities', () => {
    const probabilities = [0.5, 0.3, 0.15, 0.05]
    const scores = Float32Array.from(probabilities, Math.log)
    const random = randomStream(1, 0)
    const counts = [0, 0, 0, 0]
    const draws = 40_000
    for (let i = 0; i < draws; i++) counts[draw(scores, random)]++
    // Five standard deviations of a binomial: a chance of about one in a million to fail.
    counts.forEach((count, i) => {
      const p = probabilities[i]
      expect(Math.abs(count / draws - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / draws))
    })
  })

  test('a token that was cut off is never drawn', () => {
    const scores = Float32Array.from([-Infinity, 0, -Infinity, 0, -Infinity])
    expect([0, 0.49, 0.51, 1 - 2 ** -32].map((number) => draw(scores, () => number))).toEqual([1, 1, 3, 3])
  })

  test('streams repeat by seed and differ by seed and row', () => {
    const first = (seed: number, row: number) => {
      const random = randomStream(seed, row)
      return Array.from({ length: 8 }, random)
    }
    expect(first(7, 0)).toEqual(first(7, 0))
    const all = [first(7, 0), first(7, 1), first(8, 0), first(7 + 2 ** 32, 0), first(0, 0)].flat()
    expect(new Set(all).size).toBe(all.length)
    expect(all.every((number) => number >= 0 && number < 1)).toBe(true)
  })
})
