/**
 * Readers with faults, by which the fuzzer is tried: each fails at an input that only a mutation makes.
 */
import { GlassformerError } from '../../src/errors.js'
import { mutateBytes } from './mutate/bytes.js'
import { toBytes } from './mutate/mutate.js'
import { reading, type Target } from './target.js'

const SEED = toBytes('a good input')

const planted = (name: string, fail: () => void): Target => ({
  name: `planted-${name}`,
  seeds: () => [SEED],
  mutate: mutateBytes,
  open: reading(async (input) => {
    if (!Buffer.from(input).equals(SEED)) fail()
  }),
  seconds: 3,
  megabytes: 100,
  here: true,
})

export const PLANTED: readonly Target[] = [
  planted('error', () => {
    throw new TypeError('not ours')
  }),
  planted('hang', () => {
    for (;;);
  }),
  planted('memory', () => {
    new Uint8Array(200 << 20).fill(1)
  }),
  planted('exit', () => process.exit(3)),
  planted('message', () => {
    const error = new GlassformerError('wrong', 'short')
    error.message = 'x'.repeat(2000)
    throw error
  }),
]
