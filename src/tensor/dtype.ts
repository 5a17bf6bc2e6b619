/**
 * The number formats of tensors, and which typed array holds each. JavaScript has no float16, bfloat16 or float8 arrays
 * everywhere, so these are held as their bit patterns in unsigned integer arrays and widened by float-bits.ts. A block format
 * (blocks/formats.ts) is a dtype too: its elements lie in the bytes of its blocks.
 */
import { BLOCK_FORMATS, isBlockType, type BlockType } from './blocks/formats.js'

/** The typed array that holds each dtype. */
export type DataOf = ElementsOf & { readonly [B in BlockType]: Uint8Array }

interface ElementsOf {
  float64: Float64Array
  float32: Float32Array
  float16: Uint16Array
  bfloat16: Uint16Array
  float8_e4m3fn: Uint8Array
  float8_e5m2: Uint8Array
  int64: BigInt64Array
  uint64: BigUint64Array
  int32: Int32Array
  uint32: Uint32Array
  int16: Int16Array
  uint16: Uint16Array
  int8: Int8Array
  uint8: Uint8Array
  bool: Uint8Array
}

/** Name of a number format, as in PyTorch, or of a block format, as in GGUF. */
export type DType = keyof DataOf

type DataConstructor<D extends DType> = {
  readonly BYTES_PER_ELEMENT: number
  new (length: number): DataOf[D]
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): DataOf[D]
}

const CONSTRUCTORS: { readonly [D in keyof ElementsOf]: DataConstructor<D> } = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float8_e4m3fn: Uint8Array,
  float8_e5m2: Uint8Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
}

function constructorOf<D extends DType>(dtype: D): DataConstructor<D> {
  const constructor: unknown = isBlockType(dtype) ? Uint8Array : CONSTRUCTORS[dtype as keyof ElementsOf]
  return constructor as DataConstructor<D>
}

/** Bytes that one element of `dtype` takes; of a block format its share of the block, an exact fraction. */
export function bytesPerElement(dtype: DType): number {
  if (isBlockType(dtype)) return BLOCK_FORMATS[dtype].bytes / BLOCK_FORMATS[dtype].values
  return constructorOf(dtype).BYTES_PER_ELEMENT
}

/** A zeroed array of `length` elements of `dtype`; of a block format these are whole blocks. */
export function allocate<D extends DType>(dtype: D, length: number): DataOf[D] {
  return new (constructorOf(dtype))(isBlockType(dtype) ? length * bytesPerElement(dtype) : length)
}

/**
 * The bytes as elements of `dtype`, without a copy where the platform allows: typed arrays need an address that is a
 * multiple of the element size, so unaligned bytes are copied once.
 */
export function viewBytes<D extends DType>(dtype: D, bytes: Uint8Array): DataOf[D] {
  const constructor = constructorOf(dtype)
  const size = constructor.BYTES_PER_ELEMENT
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice()
  return new constructor(aligned.buffer, aligned.byteOffset, aligned.byteLength / size)
}
