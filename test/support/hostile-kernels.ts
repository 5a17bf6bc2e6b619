/**
 * Numbers and sizes that a GPU gets wrong first: sizes that are no multiple of a quad, a single row or key, masks over masks, logits at
 * which exp overflows, rows without variance. Each case runs on two backends, in Node or in a page, and its results are compared.
 */
import { Tensor, type Activation, type AttentionInputs, type Backend, type Float, type Kernels } from 'glassformer'
import { Random } from '../../bench/random.js'
import { firstDifference, type Tolerance } from './tolerance.js'

export interface KernelCase {
  readonly name: string
  readonly run: (kernels: Kernels, backend: Backend) => Float | Promise<Float>
}

/** Sums of k products of numbers up to 1 differ by the order of their additions. */
const TOLERANCE: Tolerance = { abs: 2e-5, rel: 2e-5 }
/** What a masked score is pushed down by: the lowest float32. */
const MASKED = -3.4028234663852886e38
const ACTIVATIONS: readonly Activation[] = ['relu', 'gelu', 'gelu_tanh', 'silu', 'tanh', 'sigmoid']

export function hostileKernels(): KernelCase[] {
  const numbers = new Random(1)
  const random = (shape: readonly number[], scale = 1) => {
    const size = shape.reduce((product, axis) => product * axis, 1)
    return Tensor.float32(
      Float32Array.from({ length: size }, () => (2 * numbers.next() - 1) * scale),
      shape,
    )
  }
  const cases: KernelCase[] = []
  const add = (name: string, run: KernelCase['run']) => cases.push({ name, run })

  for (const [rows, k, n] of [
    [1, 1, 1],
    [1, 5, 3],
    [2, 33, 2],
    [3, 7, 9],
    [13, 130, 65],
    [50, 257, 72],
  ]) // prettier-ignore
  {
    const [x, weight, bias] = [random([rows, k]), random([n, k]), random([n])]
    add(`linear ${rows}x${k}x${n}`, (kernels, backend) => kernels.linear(x, backend.pack(weight, { use: 'linear', bias })))
  }
  const wide = Tensor.float32([-1e4, -90, -6, -1, -1e-6, 0, 1e-6, 1, 6, 90, 1e4])
  for (const activation of ACTIVATIONS) {
    add(`${activation} of large numbers`, (kernels) => kernels.activate(wide, activation))
    const [x, weight] = [random([3, 10], 30), random([7, 10])]
    add(`linear with ${activation}`, (kernels, backend) =>
      kernels.linear(x, backend.pack(weight, { use: 'linear' }), activation),
    )
  }

  const heads = (batch: number, count: number, seq: number, headDim: number) =>
    random([batch, seq, count, headDim]).transpose(0, 2, 1, 3)
  for (const [batch, count, shared, queries, keys, headDim] of [
    [1, 1, 1, 1, 1, 1],
    [2, 3, 3, 5, 7, 6],
    [2, 6, 2, 7, 7, 8],
    [3, 4, 2, 1, 33, 5],
  ]) // prettier-ignore
  {
    const [key, value] = [heads(batch, shared, keys, headDim), heads(batch, shared, keys, headDim)]
    const inputs = { query: heads(batch, count, queries, headDim), key, value, scale: headDim ** -0.5 }
    const positionBias = random([1, count, queries, keys])
    const mask = Tensor.float32(
      Float32Array.from({ length: batch * keys }, (_, i) => (i % keys > keys * 0.6 ? MASKED : 0)),
      [batch, 1, 1, keys],
    )
    const name = `attention of ${queries} to ${keys}, ${count} heads on ${shared}`
    const attend = (what: string, more: Partial<AttentionInputs>) =>
      add(`${name}, ${what}`, (kernels) => kernels.attention({ ...inputs, ...more }))
    attend('plain', {})
    attend('causal, bias and mask', { causal: true, positionBias, mask })
    attend('large logits', { scale: 1000 })
    attend('a query that may look nowhere', { mask: Tensor.float32(new Float32Array(keys).fill(MASKED), [1, 1, 1, keys]) })
    attend('a bias that is a view with steps back', {
      positionBias: new Tensor({
        dtype: 'float32',
        data: random([count, queries + keys]).data,
        shape: [1, count, queries, keys],
        stride: [count * (queries + keys), queries + keys, -1, 1],
        offset: queries - 1,
      }),
    })
  }

  const products: [Float, Float][] = [
    [random([3, 5]), random([5, 7])],
    [random([2, 3, 9, 16]), random([2, 3, 11, 16]).transpose(0, 1, 3, 2)],
    [random([4, 1, 6, 5]), random([3, 5, 8])],
    [random([2, 10, 12]).slice(2, 3, 8), random([2, 5, 20]).slice(2, 1, 18)],
  ]
  for (const [a, b] of products) add(`matmul ${a.shape.join('x')}`, (kernels) => kernels.matmul(a, b))

  for (const logits of [
    Tensor.float32([1e4, -1e4, 9999, 0, 88, 89, MASKED, 3], [2, 4]),
    Tensor.float32([MASKED, MASKED, MASKED]),
    Tensor.float32([7], [1, 1]),
    random([5, 1000], 100),
  ]) {
    add(`softmax of ${logits.shape.join('x')}`, (kernels) => kernels.softmax(logits))
    // where all is masked, MASKED - ln n, the reference's logSumExp, is MASKED
    if (logits.data[0] !== MASKED)
      add(`logSoftmax of ${logits.shape.join('x')}`, (kernels) => kernels.logSoftmax(logits))
  }
  for (const width of [2, 3, 64, 1000]) {
    const [x, gain, shift] = [random([5, width], 10), random([width]), random([width])]
    const flat = Tensor.float32(new Float32Array(3 * width).fill(1e3), [3, width])
    add(`layerNorm ${width}`, (kernels) => kernels.layerNorm(x, gain, shift, 1e-5))
    add(`layerNorm ${width} without variance`, (kernels) => kernels.layerNorm(flat, gain, shift, 1e-5))
    add(`rmsNorm ${width}`, (kernels) => kernels.rmsNorm(x, gain, 1e-6))
    add(`rmsNorm ${width} of zeros`, (kernels) => kernels.rmsNorm(Tensor.zeros('float32', [2, width]), gain, 1e-6))
  }

  const table = random([19, 13])
  const ids = Tensor.int32([0, 18, 3, 3, 7, 8], [2, 3])
  for (const use of ['gather', 'both'] as const)
    add(`gather ${use}`, (kernels, backend) => kernels.gather(backend.pack(table, { use }), ids))
  const [a, b, c] = [random([2, 3, 7]), random([4, 2, 1, 7]), random([7, 2, 3])]
  add('add, broadcast', (kernels) => kernels.add(a, b))
  add('multiply of views', (kernels) => kernels.multiply(a.transpose(2, 0, 1), c))
  add('a chain of kernels on a view', (kernels) =>
    kernels.scale(kernels.add(kernels.scale(a, 2), a).transpose(1, 0, 2).slice(2, 1, 6), 0.5),
  )
  const cached = random([2, 3, 4, 5]).transpose(0, 2, 1, 3)
  add('copyInto', (kernels, backend) => {
    const held = backend.allocate([2, 4, 6, 5])
    kernels.copyInto(held.slice(2, 2, 5), kernels.scale(cached, 1))
    kernels.copyInto(held.slice(0, 1, 2).slice(2, 0, 1), kernels.scale(cached.slice(0, 0, 1).slice(2, 1, 2), 3))
    return kernels.scale(held, 1)
  })
  return cases
}

/** Where two backends differ, in words. */
export async function compareKernels(
  backend: Backend,
  reference: Backend,
): Promise<{ compared: number; differences: string[] }> {
  const differences: string[] = []
  const cases = hostileKernels()
  for (const { name, run } of cases) {
    const [got, wanted] = await Promise.all(
      [backend, reference].map((one) => one.run(async ({ kernels, keep }) => keep(await run(kernels, one)))),
    )
    const difference = firstDifference(got, wanted, TOLERANCE)
    if (difference !== undefined) differences.push(`${name}: ${difference}`)
  }
  return { compared: cases.length, differences }
}
