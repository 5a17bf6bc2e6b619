/**
 * The kernels of the GPU backends as they are written: where each one stands in the source, and what it computes in a sentence.
 */
import elementwise from '../../src/backends/gpu/kernels/elementwise.ts?raw'
import product from '../../src/backends/gpu/kernels/product.ts?raw'
import rows from '../../src/backends/gpu/kernels/rows.ts?raw'

const FILES = { elementwise, product, rows }

interface Place {
  readonly file: keyof typeof FILES
  readonly computes: string
}

/** By the name of the declaration in the source. */
const PLACES: Readonly<Record<string, Place>> = {
  upload: { file: 'elementwise', computes: 'Puts an array of the program on the device, element by element.' },
  copy: { file: 'elementwise', computes: 'Writes a view, such as a transposed one, in row-major order.' },
  scale: { file: 'elementwise', computes: 'Multiplies every element by one number.' },
  activate: { file: 'elementwise', computes: 'Bends every element by an activation.' },
  add: { file: 'elementwise', computes: 'Adds two tensors element by element, as a residual is added to a state.' },
  multiply: { file: 'elementwise', computes: 'Multiplies two tensors element by element, as a gate opens and closes.' },
  maskScores: {
    file: 'elementwise',
    computes:
      'Makes scores of attention ready for softmax: scales them, adds position bias and mask, and hides later keys.',
  },
  rotate: { file: 'elementwise', computes: 'Turns pairs of elements by an angle that depends on the position.' },
  place: {
    file: 'elementwise',
    computes: 'Writes new rows into an array, as each step adds keys and values to a cache.',
  },
  rowMax: {
    file: 'rows',
    computes: 'The largest number of each row, which softmax takes off so that nothing overflows.',
  },
  rowExpSum: { file: 'rows', computes: 'The sum of exp(x − max) over each row: what softmax divides by.' },
  softmax: { file: 'rows', computes: 'exp(x − max) divided by its row’s sum: scores become shares that sum to 1.' },
  logSoftmax: { file: 'rows', computes: 'The logarithm of softmax, computed without dividing.' },
  rowMean: { file: 'rows', computes: 'The mean of each row, for layer norm.' },
  rowInverseDeviation: { file: 'rows', computes: 'One over the standard deviation of each row, for layer norm.' },
  layerNorm: {
    file: 'rows',
    computes: 'Shifts each row to mean 0 and scales it to deviation 1, then by learned numbers.',
  },
  rowInverseRms: { file: 'rows', computes: 'One over the root of each row’s mean square, for RMS norm.' },
  rmsNorm: { file: 'rows', computes: 'Scales each row to mean square 1, then each column by a learned number.' },
  linear: {
    file: 'product',
    computes: 'A layer’s product, x · weight + bias: each call sums k products for one element.',
  },
  matmul: { file: 'product', computes: 'Products of two tensors, as queries with keys and shares with values.' },
  pack: { file: 'product', computes: 'Lays four neighbours side by side in one texel, so that one fetch brings four.' },
  product: {
    file: 'product',
    computes: 'The core of every product in WebGL: each call makes four columns from five fetches a step.',
  },
  finish: { file: 'product', computes: 'Takes the quads of a product apart and adds the bias.' },
  gather: { file: 'product', computes: 'Looks up the rows of the embedding table that token ids name.' },
  gatherQuads: { file: 'product', computes: 'Looks up the rows of the embedding table that token ids name.' },
  join: {
    file: 'product',
    computes: 'Puts two parts of a result side by side, where a weight was too large for one array.',
  },
}

export interface WrittenKernel {
  /** In the repository. */
  readonly path: string
  readonly declaration: string
  readonly computes: string
}

/** @param name as it was compiled: `linear.gelu`, `gather.quads` */
export function writtenKernel(name: string): WrittenKernel | undefined {
  const [first, ...more] = name.split('.')
  const joined = first + more.map((part) => part[0].toUpperCase() + part.slice(1)).join('')
  const declared = joined in PLACES ? joined : first
  if (!(declared in PLACES)) return undefined
  const { file, computes } = PLACES[declared]
  return {
    path: `src/backends/gpu/kernels/${file}.ts`,
    declaration: declarationIn(FILES[file], declared),
    computes: declared === joined ? computes : `${computes} Then ${more.join('.')}.`,
  }
}

/** A declaration of the top level with the comment before it. */
function declarationIn(text: string, name: string): string {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => new RegExp(`^export (const|function) ${name}\\b`).test(line))
  let first = start
  while (/^( \*|\/\*\*)/.test(lines[first - 1] ?? '')) first--
  // it goes on until something else begins in the first column
  const length = lines.slice(start + 1).findIndex((line) => /^[^\s})\]]/.test(line))
  return lines
    .slice(first, length < 0 ? undefined : start + 1 + length)
    .join('\n')
    .trimEnd()
}
