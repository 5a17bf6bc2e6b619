/**
 * The work of the group `gpu`: x [N, N] times weight [N, N] transposed, from an array to an array, so that what goes to the device and comes
 * back counts. The same in Node and, bundled, in a page.
 */
import type { Backend } from '../../src/backends/index.js'
import { Tensor } from '../../src/tensor/index.js'
import { linear, packLinear } from '../backend.js'
import { Random } from '../random.js'

export interface Measured {
  /** Of each run, the first one aside; of that one, where it took so long that there is no other. */
  readonly seconds: readonly number[]
  /** The first row of the product. */
  readonly row: readonly number[]
}

export interface SquareOptions {
  readonly rounds: number
  /** A run that takes longer is the only one. */
  readonly longSeconds: number
}

export async function measureSquare(
  backend: Backend,
  n: number,
  { rounds, longSeconds }: SquareOptions,
): Promise<Measured> {
  const random = new Random(n)
  const x = Tensor.float32(random.normals(n * n), [n, n])
  const weight = Tensor.float32(random.normals(n * n, n ** -0.5), [n, n])
  const packed = packLinear(backend, weight, Tensor.float32(random.normals(n)), 'f32')
  const run = async () => {
    const start = performance.now()
    const { data, offset } = await linear(backend, x, packed)
    const row = [...data.subarray(offset, offset + n)]
    return { seconds: (performance.now() - start) / 1000, row }
  }
  const first = await run() // compiles
  const seconds: number[] = []
  while (first.seconds < longSeconds && seconds.length < rounds) seconds.push((await run()).seconds)
  backend.free(packed)
  return { seconds: seconds.length > 0 ? seconds : [first.seconds], row: first.row }
}
