/**
 * The reference backend: every kernel is the plain op of tensor/ops. It is what the other backends are checked against, and
 * what runs where none of them can.
 */
import { InputError, ShapeError } from '../../errors.js'
import { rowMajor } from '../../tensor/ops/float.js'
import * as ops from '../../tensor/ops/index.js'
import { showShape } from '../../tensor/shape.js'
import { Tensor } from '../../tensor/tensor.js'
import type { Backend, Kernels, PackedMatrix, PackOptions } from '../backend.js'
import { attention } from './attention.js'

/** The weight as it is: float32, int8 or blocks for products; a table that is only looked up keeps its file's dtype. */
class ReferenceMatrix implements PackedMatrix {
  readonly rows: number
  readonly columns: number
  readonly byteLength: number
  readonly weight: Tensor | ops.QuantizedMatrix
  readonly bias: ops.Float | undefined

  constructor(weight: Tensor, { bias, use, dtype, rowScales }: PackOptions) {
    if (weight.rank !== 2) throw new ShapeError('pack', `weight ${showShape(weight.shape)} is not [rows, columns]`)
    if (dtype === 'int8' && use !== 'linear') throw new InputError('bad-option', `pack: int8 is for linear, not ${use}`)
    ;[this.rows, this.columns] = weight.shape
    this.bias = bias?.to('float32')
    if (dtype === 'int8') this.weight = ops.asQuantized(rowScales ? weight.copy() : weight, rowScales?.slice())
    else if (ops.isBlockMatrix(weight)) this.weight = blocks(weight)
    else this.weight = use === 'gather' ? weight : weight.to('float32')
    const bytes =
      this.weight instanceof Tensor ? this.weight.data.byteLength : this.weight.values.byteLength + 4 * this.rows
    this.byteLength = bytes + (this.bias?.data.byteLength ?? 0)
  }
}

/** The kernels as plain ops. Their results are ordinary arrays, which the garbage collector frees: a scope has nothing to do. */
export const referenceKernels: Kernels = {
  scope: (x, part) => part(x, referenceKernels),
  fetch: async () => {},
  linear: async (x, packed, activation) => {
    const { weight, bias } = own(packed)
    const product = multiply(x, weight, bias)
    return activation === undefined ? product : ops.activate(product, activation)
  },
  matmul: async (a, b) => ops.matmul(a, b),
  attention: async (inputs) => attention(inputs),
  gather: (table, ids) => ops.gather(own(table).weight as Tensor, ids),
  contiguous: (x) => x.contiguous(),
  add: ops.add,
  multiply: ops.multiply,
  scale: ops.scale,
  activate: ops.activate,
  softmax: (x) => ops.softmax(x),
  logSoftmax: ops.logSoftmax,
  layerNorm: ops.layerNorm,
  rmsNorm: ops.rmsNorm,
  rotate: ops.rotate,
  topK: (x, k) => ops.topK(rowMajor(x), k),
  copyInto: ops.copyInto,
}

/** The plain-TypeScript backend. It holds no state, so there is nothing to give back. */
export function referenceBackend(): Backend {
  return {
    name: 'reference',
    describe: () => 'reference (plain TypeScript, one thread)',
    pack: (weight, options) => new ReferenceMatrix(weight, options),
    unpack: (matrix, first, end) => {
      const { weight, columns } = own(matrix)
      if (weight instanceof Tensor) throw new TypeError('unpack: the matrix is not of int8')
      return {
        values: weight.values.slice(first * columns, end * columns),
        scales: weight.scales.slice(first, end),
      }
    },
    allocate: (shape) => Tensor.zeros('float32', shape),
    free: () => {},
    run: (part) => part({ kernels: referenceKernels, keep: (tensor) => tensor }),
    dispose: () => {},
  }
}

function blocks(weight: ops.BlockMatrix): ops.BlockMatrix {
  return new Tensor({ dtype: weight.dtype, data: ops.bytesOfWeight(weight), shape: weight.shape })
}

function multiply(x: ops.Float, weight: ReferenceMatrix['weight'], bias: ops.Float | undefined): ops.Float {
  if (!(weight instanceof Tensor)) return ops.linearInt8(x, weight, bias)
  return ops.isBlockMatrix(weight) ? ops.linearBlocks(x, weight, bias) : ops.linear(x, weight as ops.Float, bias)
}

function own(packed: PackedMatrix): ReferenceMatrix {
  if (packed instanceof ReferenceMatrix) return packed
  throw new TypeError('the matrix was packed by another backend')
}
