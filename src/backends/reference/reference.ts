/**
 * The reference backend: every kernel is the plain op of tensor/ops. It is what the other backends are checked against, and
 * what runs where none of them can.
 */
import { ShapeError } from '../../errors.js'
import * as ops from '../../tensor/ops/index.js'
import { showShape } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Backend, PackedMatrix, PackOptions } from '../backend.js'
import { attention } from './attention.js'

/** The weight as it is: float32 for products; a table that is only looked up keeps its file's dtype. */
class ReferenceMatrix implements PackedMatrix {
  readonly weight: Tensor
  readonly bias: ops.Float | undefined

  constructor(weight: Tensor, { bias, use }: PackOptions) {
    this.weight = use === 'gather' ? weight : weight.to('float32')
    this.bias = bias?.to('float32')
  }

  get rows(): number {
    return this.weight.shape[0]
  }

  get columns(): number {
    return this.weight.shape[1]
  }

  get byteLength(): number {
    return this.weight.data.byteLength + (this.bias?.data.byteLength ?? 0)
  }
}

/** The plain-TypeScript backend. It holds no state, so dispose() has nothing to do. */
export function referenceBackend(): Backend {
  return {
    name: 'reference',
    describe: () => 'reference (plain TypeScript, one thread)',
    pack: (weight, options) => {
      if (weight.rank !== 2) throw new ShapeError('pack', `weight ${showShape(weight.shape)} is not [rows, columns]`)
      return new ReferenceMatrix(weight, options)
    },
    linear: async (x, packed, activation) => {
      const { weight, bias } = own(packed)
      const product = ops.linear(x, weight as ops.Float, bias)
      return activation === undefined ? product : ops.activate(product, activation)
    },
    matmul: async (a, b) => ops.matmul(a, b),
    attention: async (inputs) => attention(inputs),
    gather: (table, ids) => ops.gather(own(table).weight, ids),
    add: ops.add,
    multiply: ops.multiply,
    scale: ops.scale,
    activate: ops.activate,
    softmax: (x) => ops.softmax(x),
    logSoftmax: ops.logSoftmax,
    layerNorm: ops.layerNorm,
    rmsNorm: ops.rmsNorm,
    rotate: ops.rotate,
    dispose: () => {},
  }
}

function own(packed: PackedMatrix): ReferenceMatrix {
  if (packed instanceof ReferenceMatrix) return packed
  throw new TypeError('the matrix was packed by another backend')
}
