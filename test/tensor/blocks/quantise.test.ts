import { beforeAll, describe, expect, test } from 'vitest'
import {
  BLOCK_FORMATS,
  quantise,
  QUANTISED_TYPES,
  widen,
  type QuantisedType,
} from '../../../src/tensor/blocks/index.js'
import { goldenTensors, type GoldenTensors } from '../../support/goldens.js'
import { randomNumbers } from '../../support/random.js'

let golden: GoldenTensors
beforeAll(async () => {
  golden = await goldenTensors('gguf-blocks/blocks.safetensors')
})

test.each(['q8_0', 'q4_0', 'q4_1'] as const)(
  '%s: the bytes that gguf makes, for ties and subnormal scales too',
  (type) => {
    const rows = golden.float(`${type}.rows`)
    expect(quantise(type, rows.copy().data)).toEqual(golden.bytes(`${type}.quantised`))
  },
)

/** Root mean square of the error, relative to that of the values. */
function errorOf(type: QuantisedType, values: Float32Array): number {
  const widened = new Float32Array(values.length)
  widen(type, quantise(type, values), widened)
  const squares = (of: (i: number) => number) => values.reduce((sum, _, i) => sum + of(i) ** 2, 0)
  return Math.sqrt(squares((i) => values[i] - widened[i]) / squares((i) => values[i]))
}

/** Normally distributed, as weights are nearly. */
function normal(count: number): Float32Array {
  const next = randomNumbers(7)
  const uniform = () => (next() + 1) / 2
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  )
}

// Fixed limits; those of the K formats have not been compared with what other programs reach.
test.each([
  ['q8_0', 0.006],
  ['q4_0', 0.1],
  ['q4_1', 0.085],
  ['q4_k', 0.075],
  ['q6_k', 0.019],
] as const)('%s: error of normally distributed values below %d of their size', (type, limit) => {
  expect(errorOf(type, normal(256 * 64))).toBeLessThan(limit)
})

describe.each(QUANTISED_TYPES)('%s', (type) => {
  const { values, bytes } = BLOCK_FORMATS[type]

  test('zeros, equal values, one large value: no larger an error than a step of the integers', () => {
    const cases = [
      new Float32Array(values),
      new Float32Array(values).fill(-0.5),
      new Float32Array(values).fill(3),
      new Float32Array(values).fill(0, 1).fill(1000, 0, 1),
      Float32Array.from({ length: values }, (_, i) => (i % 2 === 0 ? 1 : -1) * i),
    ]
    const step = { q8_0: 1 / 127, q4_0: 1 / 7, q4_1: 2 / 15, q4_k: 2 / 15, q6_k: 1 / 31 }[type]
    for (const row of cases) {
      const widened = new Float32Array(values)
      widen(type, quantise(type, row), widened)
      const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      row.forEach((value, i) => expect(Math.abs(widened[i] - value)).toBeLessThanOrEqual(largest * step))
    }
  })

  test('sizes and values that cannot be quantised are refused', () => {
    expect(quantise(type, new Float32Array(3 * values))).toHaveLength(3 * bytes)
    expect(() => quantise(type, new Float32Array(values + 1))).toThrow(`are not whole blocks of ${values}`)
    expect(() => quantise(type, new Float32Array(values).fill(NaN, 3, 4))).toThrow('quantise: value 3 is NaN')
  })
})
