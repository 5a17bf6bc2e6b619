/**
 * A weight on the device, in the order that its product reads: quads of neighbours along k where there are such (see kernels/product.ts), else
 * [k, n]. A weight that one array cannot hold lies in several, each with some of the rows. What is not multiplied in float32 stays here:
 * tables that are only looked up, in the dtype of their file, and int8. Blocks are widened to float32, and x is multiplied with them as it is.
 */
import { ShapeError } from '../../errors.js'
import { showShape } from '../../tensor/shape.js'
import { bytesOfWeight, isBlockMatrix } from '../../tensor/ops/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { PackedMatrix, PackOptions } from '../backend.js'
import { referenceBackend } from '../reference/reference.js'
import type { Device } from './device.js'
import { DeviceArray } from './device-array.js'
import { pack } from './kernels/product.js'

export interface WeightPart {
  readonly weight: DeviceArray
  /** Rows of the weight in this part. */
  readonly rows: number
  readonly bias: DeviceArray | undefined
}

export class GpuMatrix implements PackedMatrix {
  readonly rows: number
  readonly columns: number
  readonly byteLength: number
  /** Empty for a matrix that is computed with here. */
  readonly parts: readonly WeightPart[]
  /** The matrix of the reference backend, where a product or a look-up is made here. */
  readonly reference: PackedMatrix | undefined

  constructor(device: Device, weight: Tensor, options: PackOptions) {
    const { use, bias, dtype } = options
    if (weight.rank !== 2) throw new ShapeError('pack', `weight ${showShape(weight.shape)} is not [rows, columns]`)
    ;[this.rows, this.columns] = weight.shape
    if (isBlockMatrix(weight)) bytesOfWeight(weight) // refuses what is not finite
    const multiplies = use !== 'gather' && dtype === undefined && weight.size > 0
    const rowsTogether = Math.max(1, Math.floor(device.maxElements / elementsOfRow(device, this.columns)))
    const isSplit = this.rows > rowsTogether
    this.reference =
      multiplies && !(use === 'both' && isSplit)
        ? undefined
        : referenceBackend().pack(weight, { ...options, use: multiplies ? 'gather' : use })
    const parts: WeightPart[] = []
    for (let from = 0; multiplies && from < this.rows; from += rowsTogether) {
      const to = Math.min(this.rows, from + rowsTogether)
      parts.push({
        weight: onDevice(device, weight.slice(0, from, to).to('float32')),
        rows: to - from,
        bias: bias && new DeviceArray(device, to - from, { here: bias.slice(0, from, to).to('float32').copy().data }),
      })
    }
    this.parts = parts
    const elements = parts.reduce((sum, { weight, rows, bias }) => sum + weight.length + (bias ? rows : 0), 0)
    this.byteLength = 4 * elements + (this.reference?.byteLength ?? 0)
  }

  free(): void {
    for (const { weight, bias } of this.parts) {
      weight.free()
      bias?.free()
    }
  }
}

/** What a row takes of an array: quads count as one, since a texture's limit is in texels. */
function elementsOfRow({ hasQuads }: Device, columns: number): number {
  return hasQuads ? Math.ceil(columns / 4) : columns
}

/** [rows, columns] on the device. */
function onDevice(device: Device, weight: Tensor<'float32'>): DeviceArray {
  const [n, k] = weight.shape
  if (!device.hasQuads) {
    const transposed = weight.transpose().copy().data // [k, n]
    return new DeviceArray(device, n * k, { there: device.upload(transposed) })
  }
  const { data, offset } = weight
  const uploaded = device.upload(data.subarray(offset, offset + n * k))
  const quads = Math.ceil(k / 4)
  const there = device.launch(pack, { rows: n, columns: quads }, [uploaded, 0, 0, 0, k, 1, 1, n, k])
  device.release(uploaded)
  return new DeviceArray(device, n * quads * 4, { there })
}
