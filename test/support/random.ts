/**
 * Seeded random numbers for tests: the same on every run and machine.
 */
import type { Float } from '../../src/tensor/ops/index.js'
import { sizeOf, type Shape } from '../../src/tensor/shape.js'
import { Tensor } from '../../src/tensor/tensor.js'

/** Uniform numbers in [-1, 1), mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1
  }
}

export function randomTensor(next: () => number, shape: Shape, scale = 1): Float {
  return Tensor.float32(
    Float32Array.from({ length: sizeOf(shape) }, () => next() * scale),
    shape,
  )
}
