/**
 * Random tensors for tests, the same on every run and machine.
 */
import { Random } from '../../bench/random.js'
import type { Float } from '../../src/tensor/ops/index.js'
import { sizeOf, type Shape } from '../../src/tensor/shape.js'
import { Tensor } from '../../src/tensor/tensor.js'

/** Uniform numbers in [-1, 1). */
export function randomNumbers(seed: number): () => number {
  const random = new Random(seed)
  return () => 2 * random.next() - 1
}

export function randomTensor(next: () => number, shape: Shape, scale = 1): Float {
  return Tensor.float32(
    Float32Array.from({ length: sizeOf(shape) }, () => next() * scale),
    shape,
  )
}
