/**
 * A tensor is a typed array seen through a shape, a stride and an offset: the fields of an ndarray. reshape, transpose,
 * slice and broadcastTo return views on the same data; only `contiguous` and a reshape that strides cannot express copy.
 * Mathematics lives in ops/, not here.
 *
 * A tensor of a block format (blocks/) is seen through shape, stride and offset of its values as well. Only whole blocks of it can be copied;
 * `to` widens it, whatever the view.
 */
import { DTypeError, ShapeError } from '../errors.js'
import { BLOCK_FORMATS, isBlockType, widen, type BlockType } from './blocks/index.js'
import { allocate, bytesPerElement, type DataOf, type DType } from './dtype.js'
import {
  bfloat16ToNumber,
  float16ToNumber,
  float8e4m3ToNumber,
  float8e5m2ToNumber,
  numberToBfloat16,
  numberToFloat16,
} from './float-bits.js'
import { resolveAxis, rowMajorStride, showShape, sizeOf, type Shape } from './shape.js'

/** Elements that lie where JavaScript cannot read them, as in the memory of a GPU, until someone does. */
export interface DistantData<D extends DType> {
  readonly length: number
  /** Brings the elements here. Who asks may also write, so from then on they are here and nowhere else. */
  read(): DataOf[D]
}

export interface TensorFields<D extends DType> {
  readonly dtype: D
  readonly data: DataOf[D] | DistantData<D>
  readonly shape: Shape
  /** Elements to step per axis. Row-major when left out. */
  readonly stride?: readonly number[]
  /** Index in `data` of the first element; of a block format, of the first value. */
  readonly offset?: number
}

export class Tensor<D extends DType = DType> {
  readonly dtype: D
  /** The elements, or the bytes of their blocks. Those of a tensor on a GPU are read back here when they are asked for. */
  readonly data!: DataOf[D]
  readonly shape: Shape
  readonly stride: readonly number[]
  readonly offset: number
  readonly #distant: DistantData<D> | undefined

  /** @throws ShapeError when the view would reach outside `data` */
  constructor({ dtype, data, shape, stride = rowMajorStride(shape), offset = 0 }: TensorFields<D>) {
    this.dtype = dtype
    if (ArrayBuffer.isView(data)) this.data = data
    else {
      this.#distant = data
      Object.defineProperty(this, 'data', { get: () => data.read(), enumerable: true })
    }
    this.shape = shape
    this.stride = stride
    this.offset = offset
    this.#checkBounds()
  }

  /** A tensor of zeros. */
  static zeros<D extends DType>(dtype: D, shape: Shape): Tensor<D> {
    return new Tensor({ dtype, data: allocate(dtype, sizeOf(shape)), shape })
  }

  /** A float32 tensor from numbers in row-major order. A Float32Array is taken as it is, without a copy. */
  static float32(values: ArrayLike<number>, shape: Shape = [values.length]): Tensor<'float32'> {
    const data = values instanceof Float32Array ? values : Float32Array.from(values)
    return exactly('float32', data, shape)
  }

  /** An int32 tensor, the dtype of token ids, from numbers in row-major order. An Int32Array is taken without a copy. */
  static int32(values: ArrayLike<number>, shape: Shape = [values.length]): Tensor<'int32'> {
    const data = values instanceof Int32Array ? values : Int32Array.from(values)
    return exactly('int32', data, shape)
  }

  /** `data`, or what it is brought from. @internal */
  get storage(): DataOf[D] | DistantData<D> {
    return this.#distant ?? this.data
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length
  }

  /** Whether the elements lie in row-major order without gaps. */
  get isContiguous(): boolean {
    let step = 1
    for (let axis = this.rank - 1; axis >= 0; axis--) {
      if (this.shape[axis] !== 1 && this.stride[axis] !== step) return false
      step *= this.shape[axis]
    }
    return true
  }

  /**
   * The same elements in another shape; one size may be -1 and is inferred. A view where the strides allow it (always for a
   * contiguous tensor), else of a copy.
   */
  reshape(shape: Shape): Tensor<D> {
    const resolved = inferShape(this.shape, shape)
    const source = this.isContiguous ? this : this.contiguous()
    return source.#view(resolved, rowMajorStride(resolved), source.offset)
  }

  /** A view with the axes in another order; without arguments, reversed. */
  transpose(...axes: number[]): Tensor<D> {
    const order = axes.length === 0 ? this.shape.map((_, axis) => this.rank - 1 - axis) : axes
    const resolved = order.map((axis) => resolveAxis('transpose', this.shape, axis))
    if (resolved.length !== this.rank || new Set(resolved).size !== this.rank) {
      throw new ShapeError(
        'transpose',
        `axes ${showShape(axes)} are not a permutation of the axes of ${showShape(this.shape)}`,
      )
    }
    return this.#view(
      resolved.map((axis) => this.shape[axis]),
      resolved.map((axis) => this.stride[axis]),
      this.offset,
    )
  }

  /** A view of indices `start` to `end` (exclusive) of one axis; negative indices count from the end. */
  slice(axis: number, start: number, end?: number): Tensor<D> {
    const at = resolveAxis('slice', this.shape, axis)
    const length = this.shape[at]
    const from = start < 0 ? start + length : start
    const to = end === undefined ? length : end < 0 ? end + length : end
    if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > length || from > to) {
      throw new ShapeError('slice', `${start}:${end ?? ''} of axis ${axis} is outside ${showShape(this.shape)}`)
    }
    return this.#view(this.shape.with(at, to - from), this.stride, this.offset + from * this.stride[at])
  }

  /** A view of one index of one axis; the axis is dropped. */
  select(axis: number, index: number): Tensor<D> {
    const at = resolveAxis('select', this.shape, axis)
    const resolved = index < 0 ? index + this.shape[at] : index
    if (!Number.isInteger(resolved) || resolved < 0 || resolved >= this.shape[at]) {
      throw new ShapeError('select', `index ${index} of axis ${axis} is outside ${showShape(this.shape)}`)
    }
    return this.#view(
      this.shape.toSpliced(at, 1),
      this.stride.toSpliced(at, 1),
      this.offset + resolved * this.stride[at],
    )
  }

  /** A view that repeats axes of size 1 (and new leading axes) with a stride of 0. */
  broadcastTo(shape: Shape): Tensor<D> {
    const lead = shape.length - this.rank
    const fits = lead >= 0 && this.shape.every((size, axis) => size === 1 || size === shape[axis + lead])
    if (!fits) throw new ShapeError('broadcastTo', `${showShape(this.shape)} does not broadcast to ${showShape(shape)}`)
    const stride = shape.map((_, axis) => (axis < lead || this.shape[axis - lead] === 1 ? 0 : this.stride[axis - lead]))
    return this.#view(shape, stride, this.offset)
  }

  /** This tensor if its elements are in row-major order, else a row-major copy. */
  contiguous(): Tensor<D> {
    return this.isContiguous ? this : this.copy()
  }

  /** A row-major copy with its own data. @throws DTypeError for blocks that are not row-major and whole */
  copy(): Tensor<D> {
    if (isBlockType(this.dtype)) {
      if (!this.#isWholeBlocks)
        throw new DTypeError('Tensor.copy', `view of ${this.dtype}`, 'whole blocks in their order')
      return new Tensor({ dtype: this.dtype, data: this.#blocks().slice() as DataOf[D], shape: this.shape })
    }
    const data = allocate(this.dtype, this.size)
    if (this.isContiguous) {
      const source = this.data.subarray(this.offset, this.offset + this.size)
      ;(data as { set(source: unknown): void }).set(source)
    } else {
      const source = this.data
      let index = 0
      for (const { start, step, length } of this.rows()) {
        for (let i = 0, at = start; i < length; i++, at += step) data[index++] = source[at]
      }
    }
    return new Tensor({ dtype: this.dtype, data, shape: this.shape })
  }

  /** The rows along the last axis, in row-major order: where each begins in `data`, and how its elements follow. */
  *rows(): Generator<{ readonly start: number; readonly step: number; readonly length: number }> {
    if (this.rank === 0) return yield { start: this.offset, step: 1, length: 1 }
    const length = this.shape[this.rank - 1]
    if (length === 0) return
    const step = this.stride[this.rank - 1]
    for (const start of this.select(-1, 0).positions()) yield { start, step, length }
  }

  /** Positions in `data` of all elements, in row-major order. */
  *positions(): Generator<number> {
    if (this.size === 0) return
    const index = new Array<number>(this.rank).fill(0)
    let at = this.offset
    for (;;) {
      yield at
      let axis = this.rank - 1
      for (; axis >= 0; axis--) {
        at += this.stride[axis]
        if (++index[axis] < this.shape[axis]) break
        at -= this.stride[axis] * this.shape[axis]
        index[axis] = 0
      }
      if (axis < 0) return
    }
  }

  /** The elements as numbers, row-major. 64-bit integers beyond ±2^53 lose their last digits: read `data` for those. */
  toArray(): number[] {
    if (isBlockType(this.dtype)) return this.to('float32').toArray()
    const { dtype, data } = this
    return Array.from(this.positions(), (at) => valueAt(dtype, data, at))
  }

  /**
   * The elements in another dtype, row-major. Narrowing rounds to nearest; the same dtype returns `contiguous()`.
   * @throws DTypeError when converting to a float8 format, which only files use, or to a block format, which is `quantise`
   */
  to<E extends DType>(dtype: E): Tensor<E> {
    if ((dtype as DType) === this.dtype) return this.contiguous() as unknown as Tensor<E>
    if (isBlockType(dtype))
      throw new DTypeError('Tensor.to', dtype, 'a dtype of single elements; quantise() makes blocks')
    if (isBlockType(this.dtype)) return this.#widened().to(dtype)
    const data = allocate(dtype, this.size)
    const source = this.data
    let index = 0
    for (const { start, step, length } of this.rows()) {
      for (let i = 0, at = start; i < length; i++, at += step) {
        storeAt(dtype, data, index++, valueAt(this.dtype, source, at))
      }
    }
    return new Tensor({ dtype, data, shape: this.shape })
  }

  #view(shape: Shape, stride: readonly number[], offset: number): Tensor<D> {
    return new Tensor({ dtype: this.dtype, data: this.storage, shape, stride, offset })
  }

  /** Whether the values are those of neighbouring blocks, in their order. */
  get #isWholeBlocks(): boolean {
    const { values } = BLOCK_FORMATS[this.dtype as BlockType]
    return this.isContiguous && this.offset % values === 0 && this.size % values === 0
  }

  /** The bytes of the blocks that a view of whole blocks is made of. */
  #blocks(): Uint8Array {
    const bytes = bytesPerElement(this.dtype)
    return (this.data as Uint8Array).subarray(this.offset * bytes, (this.offset + this.size) * bytes)
  }

  /** Blocks as float32. A view that is not made of whole blocks becomes the same view of all values. */
  #widened(): Tensor<'float32'> {
    const { shape, stride, offset } = this
    const bytes = this.#isWholeBlocks ? this.#blocks() : (this.data as Uint8Array)
    const data = new Float32Array(bytes.length / bytesPerElement(this.dtype))
    widen(this.dtype as BlockType, bytes, data)
    return new Tensor(
      this.#isWholeBlocks ? { dtype: 'float32', data, shape } : { dtype: 'float32', data, shape, stride, offset },
    )
  }

  #checkBounds(): void {
    const { shape, stride, offset, storage } = this
    const length = isBlockType(this.dtype) ? storage.length / bytesPerElement(this.dtype) : storage.length
    if (stride.length !== shape.length) {
      throw new ShapeError('Tensor', `shape ${showShape(shape)} and stride ${showShape(stride)} differ in length`)
    }
    let low = offset
    let high = offset
    for (let axis = 0; axis < shape.length; axis++) {
      if (!Number.isSafeInteger(shape[axis]) || shape[axis] < 0) {
        throw new ShapeError('Tensor', `${showShape(shape)} has a size that is not a whole number of 0 or more`)
      }
      if (shape[axis] === 0) return
      const reach = (shape[axis] - 1) * stride[axis]
      if (reach > 0) high += reach
      else low += reach
    }
    if (low < 0 || high >= length) {
      throw new ShapeError('Tensor', `${showShape(shape)} needs elements ${low} to ${high}, the data has ${length}`)
    }
  }
}

function exactly<D extends DType>(dtype: D, data: DataOf[D], shape: Shape): Tensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      'Tensor',
      `${data.length} values do not fill ${showShape(shape)}, which holds ${sizeOf(shape)}`,
    )
  }
  return new Tensor({ dtype, data, shape })
}

function inferShape(from: Shape, to: Shape): Shape {
  const unknown = to.indexOf(-1)
  if (unknown < 0) {
    if (sizeOf(from) !== sizeOf(to)) {
      throw new ShapeError(
        'reshape',
        `${showShape(from)} has ${sizeOf(from)} elements, ${showShape(to)} has ${sizeOf(to)}`,
      )
    }
    return to
  }
  const rest = sizeOf(to.toSpliced(unknown, 1))
  const inferred = sizeOf(from) / rest
  if (!Number.isInteger(inferred) || to.indexOf(-1, unknown + 1) >= 0) {
    throw new ShapeError('reshape', `${showShape(from)} does not fit ${showShape(to)}`)
  }
  return to.with(unknown, inferred)
}

/** The element at `index` of data of the given dtype, as a number. */
function valueAt<D extends DType>(dtype: D, data: DataOf[D], index: number): number {
  switch (dtype) {
    case 'float16':
      return float16ToNumber(data[index] as number)
    case 'bfloat16':
      return bfloat16ToNumber(data[index] as number)
    case 'float8_e4m3fn':
      return float8e4m3ToNumber(data[index] as number)
    case 'float8_e5m2':
      return float8e5m2ToNumber(data[index] as number)
    default:
      return Number(data[index])
  }
}

function storeAt<D extends DType>(dtype: D, data: DataOf[D], index: number, value: number): void {
  switch (dtype) {
    case 'float16':
      data[index] = numberToFloat16(value)
      break
    case 'bfloat16':
      data[index] = numberToBfloat16(value)
      break
    case 'float8_e4m3fn':
    case 'float8_e5m2':
      throw new DTypeError('Tensor.to', dtype, 'a dtype that can be computed with')
    case 'int64':
    case 'uint64':
      ;(data as BigInt64Array | BigUint64Array)[index] = BigInt(Math.trunc(value))
      break
    case 'bool':
      data[index] = value === 0 ? 0 : 1
      break
    default:
      data[index] = value
  }
}
