/**
 * Checkpoints whose matrices are stored in 8 bits. A matrix `name` of dtype int8, [rows, columns], has a tensor `name_scale` beside it with
 * what each of its rows is multiplied with, [rows, 1] or [rows]: the `int-quantized` format of compressed-tensors with a scale for each
 * channel. It is read as the float32 matrix that it stands for.
 *
 * A row whose largest integer is 127 or -127 and whose scale has at most 17 significant bits is exact in float32, so that quantising it
 * again (dtype `int8`) gives the same integers and the same scale. {@link quantizeMatrix} makes such rows.
 */
import { rowMajor } from '../tensor/ops/float.js'
import { roundTiesToEven, WEIGHT_LIMIT } from '../tensor/ops/quantize.js'
import { showShape } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'
import { QuantizedTensorError } from './errors.js'
import { unknownTensor, type TensorSource } from './reader.js'

/** Scales are cut to so many significant bits; 7 more make a product with up to 127. */
const SCALE_BITS = 16

/**
 * A checkpoint as if its 8-bit matrices were float32. One without such matrices is returned as it is.
 * @throws QuantizedTensorError for a matrix whose scales do not fit it or that is quantised in another way
 */
export function widenQuantized(source: TensorSource): TensorSource {
  const tensors = new Map(source.tensors)
  const quantized = [...tensors].filter(([name, { dtype }]) => dtype === 'int8' && tensors.has(scaleOf(name)))
  if (quantized.length === 0) return source
  for (const [name, info] of quantized) {
    const scale = tensors.get(scaleOf(name))!
    const [rows] = info.shape
    const isForRows =
      info.shape.length === 2 && (scale.shape.join() === `${rows},1` || scale.shape.join() === `${rows}`)
    if (!isForRows || !/float/.test(scale.dtype) || tensors.has(`${name}_zero_point`)) {
      throw new QuantizedTensorError(
        source.name,
        `${name}: int8 ${showShape(info.shape)} with scales ${scale.dtype} ${showShape(scale.shape)}; read is a matrix with a float scale for each row, [rows, 1], and without zero points`,
      )
    }
    tensors.set(name, { ...info, dtype: 'float32' })
    tensors.delete(scaleOf(name))
  }
  return {
    name: source.name,
    tensors,
    tensor: async (name) => {
      if (!tensors.has(name)) throw unknownTensor({ name: source.name, tensors }, name)
      const tensor = await source.tensor(name)
      if (!source.tensors.has(scaleOf(name)) || tensor.dtype !== 'int8') return tensor
      const scales = rowMajor((await source.tensor(scaleOf(name))).to('float32')) // [rows]
      if (scales.every(Number.isFinite)) return widen(tensor as Tensor<'int8'>, scales)
      throw new QuantizedTensorError(source.name, `${name}: a scale is not a finite number`)
    },
    close: () => source.close(),
  }
}

/**
 * A matrix [rows, columns] in 8 bits: each row scaled so that its largest element is 127, and rounded to nearest (halves to even).
 * @returns integers, and scales [rows, 1], for tensors `name` and `name_scale` of a checkpoint
 */
export function quantizeMatrix(matrix: Tensor): { values: Tensor<'int8'>; scales: Tensor<'float32'> } {
  const [rows, columns] = matrix.shape
  const source = rowMajor(matrix.to('float32'))
  const values = new Int8Array(source.length)
  const scales = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const elements = source.subarray(row * columns, (row + 1) * columns)
    const scale = roundedUp(
      elements.reduce((largest, element) => Math.max(largest, Math.abs(element)), 0) / WEIGHT_LIMIT,
    )
    elements.forEach((element, i) => (values[row * columns + i] = scale === 0 ? 0 : roundTiesToEven(element / scale)))
    scales[row] = scale
  }
  return {
    values: new Tensor({ dtype: 'int8', data: values, shape: [rows, columns] }),
    scales: Tensor.float32(scales, [rows, 1]),
  }
}

/** The least number of SCALE_BITS significant bits that is not below x. */
function roundedUp(x: number): number {
  if (x === 0) return 0
  const unit = 2 ** (Math.floor(Math.log2(x)) + 1 - SCALE_BITS)
  return Math.ceil(x / unit) * unit
}

function scaleOf(name: string): string {
  return `${name}_scale`
}

function widen(matrix: Tensor<'int8'>, scales: Float32Array): Tensor<'float32'> {
  const [rows, columns] = matrix.shape
  const { data: integers, offset } = matrix.contiguous()
  const data = new Float32Array(rows * columns)
  for (let row = 0, at = 0; row < rows; row++) {
    for (const end = at + columns; at < end; at++) data[at] = integers[offset + at] * scales[row]
  }
  return Tensor.float32(data, matrix.shape)
}
