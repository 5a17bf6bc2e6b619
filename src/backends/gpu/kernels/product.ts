/**
 * Matrix products, twice.
 *
 * By the element, where memory is an array (WebGPU, WebAssembly, JavaScript): a call sums k products.
 *
 * By quads, in WebGL, where a fetch from a texture costs more than all arithmetic around it and brings four numbers as easily as one.
 * Both operands are packed so that four neighbours along k are one quad, and a call computes four columns at once:
 *
 *     a [m, k/4]          b [n, k/4]                     product [m, n/4]
 *     row i ▭▭▭▭ ──────┬─ row 4j     ▭▭▭▭ ─────────┐
 *                      ├─ row 4j + 1 ▭▭▭▭ ──────┐  │
 *                      ├─ row 4j + 2 ▭▭▭▭ ───┐  │  │
 *                      └─ row 4j + 3 ▭▭▭▭ ▭  ▭  ▭  ▭   quad j of row i
 *
 * Five fetches for 16 products, where one by one takes 32. `finish` takes the quads apart and adds what follows: bias, activation.
 */
import type { Activation } from '../../../tensor/ops/index.js'
import { ROW_SIZES, rowOf, view, type KernelSource } from './source.js'

/** Names of the activations in kernels: tanh is a function of the languages already. */
export function activationCall(activation: Activation | undefined, value: string): string {
  if (activation === undefined) return value
  return `${activation === 'tanh' ? 'tanh_' : activation}(${value})`
}

/** activation(x weight + bias), the weight [k, n]. Without a bias, `biasStep` is 0 and the bias a single zero. */
export function linear(activation: Activation | undefined): KernelSource {
  return {
    name: activation === undefined ? 'linear' : `linear.${activation}`,
    parameters: { x: 'array', weight: 'array', bias: 'array', biasStep: 'integer', k: 'count', n: 'integer' },
    body: `
      let sum = 0
      for (let i = 0; i < k; i++) {
        sum += x[this.thread.y * k + i] * weight[i * n + this.thread.x]
      }
      const value = sum + bias[this.thread.x * biasStep]
      return ${activationCall(activation, 'value')}`,
  }
}

/** Rows are [batch, batch, m]; axis 3 of a is k, as is axis 2 of b. */
export const matmul: KernelSource = {
  name: 'matmul',
  parameters: { ...view('a'), ...view('b'), ...ROW_SIZES, k: 'count' },
  body: `
    let sum = 0
    for (let i = 0; i < k; i++) {
      sum += a[${rowOf('a')} + i * a3]
        * b[bAt + outer(this.thread.y, d1, d2) * b0 + middle(this.thread.y, d1, d2) * b1 + i * b2 + this.thread.x * b3]
    }
    return sum`,
}

/** Rows of a view, their last axis of size k in quads, the last of which is filled up with zeros. */
export const pack: KernelSource = {
  name: 'pack',
  parameters: { ...view('x'), ...ROW_SIZES, k: 'integer' },
  body: `
    const first = x[${rowOf('x')} + this.thread.x * 4 * x3]
    let second = 0
    let third = 0
    let fourth = 0
    if (this.thread.x * 4 + 1 < k) { second = x[${rowOf('x')} + (this.thread.x * 4 + 1) * x3] }
    if (this.thread.x * 4 + 2 < k) { third = x[${rowOf('x')} + (this.thread.x * 4 + 2) * x3] }
    if (this.thread.x * 4 + 3 < k) { fourth = x[${rowOf('x')} + (this.thread.x * 4 + 3) * x3] }
    return [first, second, third, fourth]`,
}

/** The row of b for column 4j + c; a batch has m rows of a and n rows of b. Rows past the last are read and thrown away. */
const rowOfB = (c: number) => `b[(quotient(this.thread.y, m) * n + this.thread.x * 4 + ${c}) * quads + i]`

export const product: KernelSource = {
  name: 'product',
  parameters: { a: 'quads', b: 'quads', quads: 'count', m: 'integer', n: 'integer' },
  body: `
    let first = 0
    let second = 0
    let third = 0
    let fourth = 0
    for (let i = 0; i < quads; i++) {
      const x = a[this.thread.y * quads + i]
      const w0 = ${rowOfB(0)}
      const w1 = ${rowOfB(1)}
      const w2 = ${rowOfB(2)}
      const w3 = ${rowOfB(3)}
      first += x[0] * w0[0] + x[1] * w0[1] + x[2] * w0[2] + x[3] * w0[3]
      second += x[0] * w1[0] + x[1] * w1[1] + x[2] * w1[2] + x[3] * w1[3]
      third += x[0] * w2[0] + x[1] * w2[1] + x[2] * w2[2] + x[3] * w2[3]
      fourth += x[0] * w3[0] + x[1] * w3[1] + x[2] * w3[2] + x[3] * w3[3]
    }
    return [first, second, third, fourth]`,
}

/** One number of quads [rows, quads] in the place of this row and column. */
const taken = (row: string) => `
      const quad = x[${row} * quads + quotient(this.thread.x, 4)]
      let value = quad[3]
      if (inner(this.thread.x, 4) === 0) { value = quad[0] }
      if (inner(this.thread.x, 4) === 1) { value = quad[1] }
      if (inner(this.thread.x, 4) === 2) { value = quad[2] }`

/** activation(x + bias) of quads [rows, quads]. */
export function finish(activation: Activation | undefined): KernelSource {
  return {
    name: activation === undefined ? 'finish' : `finish.${activation}`,
    parameters: { x: 'quads', quads: 'integer', bias: 'array', biasStep: 'integer' },
    body: `${taken('this.thread.y')}
      value = value + bias[this.thread.x * biasStep]
      return ${activationCall(activation, 'value')}`,
  }
}

/** Rows of a packed weight [k, n], by their numbers. */
export const gather: KernelSource = {
  name: 'gather',
  parameters: { weight: 'array', ids: 'array', n: 'integer' },
  body: `
    const id = ids[this.thread.y]
    return weight[this.thread.x * n + whole(id)]`,
}

/** Rows of a packed weight in quads [n, quads], by their numbers. */
export const gatherQuads: KernelSource = {
  name: 'gather.quads',
  parameters: { x: 'quads', ids: 'array', quads: 'integer' },
  body: `
      const id = ids[this.thread.y]${taken('whole(id)')}
      return value`,
}

/** Two results beside each other: columns below `width` from the first. */
export const join: KernelSource = {
  name: 'join',
  parameters: { left: 'array', right: 'array', width: 'integer', rightWidth: 'integer' },
  body: `
    if (this.thread.x < width) { return left[this.thread.y * width + this.thread.x] }
    return right[this.thread.y * rightWidth + this.thread.x - width]`,
}
