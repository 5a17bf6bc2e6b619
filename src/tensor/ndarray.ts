/**
 * Tensors to and from the `ndarray` package, without a copy: both are data, shape, stride and offset. Published as
 * `glassformer/ndarray`, apart from the core, because ndarray compiles code at run time, which a page with a strict
 * Content-Security-Policy forbids.
 */
import ndarray, { type NdArray } from 'ndarray'
import { DTypeError } from '../errors.js'
import type { DataOf, DType } from './dtype.js'
import { Tensor } from './tensor.js'

/** The dtypes whose typed array means the same to ndarray; the others are bit patterns or 0/1 bytes. */
const FROM_NDARRAY = {
  float64: 'float64',
  float32: 'float32',
  int32: 'int32',
  uint32: 'uint32',
  int16: 'int16',
  uint16: 'uint16',
  int8: 'int8',
  uint8: 'uint8',
  bigint64: 'int64',
  biguint64: 'uint64',
} as const satisfies Record<string, DType>

/** An ndarray on the tensor's own data. float16, bfloat16 and float8 appear as their bit patterns. */
export function toNdarray(tensor: Tensor): NdArray {
  return ndarray(tensor.data as Float32Array<ArrayBuffer>, [...tensor.shape], [...tensor.stride], tensor.offset)
}

/**
 * A tensor on the ndarray's own data. `dtype` says what the data means where the typed array does not (a Uint16Array of
 * float16 patterns); by default the array's own dtype.
 * @throws DTypeError for an ndarray over a plain array or a type that tensors do not have
 */
export function fromNdarray(array: NdArray, dtype?: DType): Tensor {
  const own = FROM_NDARRAY[array.dtype as keyof typeof FROM_NDARRAY] as DType | undefined
  if (own === undefined) throw new DTypeError('fromNdarray', array.dtype, Object.keys(FROM_NDARRAY).join(', '))
  return new Tensor({
    dtype: dtype ?? own,
    data: array.data as unknown as DataOf[DType],
    shape: array.shape,
    stride: array.stride,
    offset: array.offset,
  })
}
