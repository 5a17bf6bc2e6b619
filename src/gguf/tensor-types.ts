/**
 * The number formats of tensors in a GGUF file, by the number that stands for each.
 * https://github.com/ggml-org/ggml/blob/master/include/ggml.h, `enum ggml_type`.
 */
import { BLOCK_FORMATS, type BlockType } from '../tensor/blocks/index.js'
import { bytesPerElement } from '../tensor/dtype.js'

/** Plain numbers, as a safetensors file has them too. */
export type PlainType = 'float32' | 'float16' | 'bfloat16' | 'float64' | 'int8' | 'int16' | 'int32' | 'int64'

export interface TensorType {
  readonly dtype: PlainType | BlockType
  /** As ggml writes it: `Q4_K`. */
  readonly name: string
  /** Neighbours in a row that are stored together; 1 for plain numbers. */
  readonly valuesPerBlock: number
  readonly bytesPerBlock: number
}

const PLAIN_TYPES: readonly (readonly [id: number, name: string, dtype: PlainType])[] = [
  [0, 'F32', 'float32'],
  [1, 'F16', 'float16'],
  [30, 'BF16', 'bfloat16'],
  [28, 'F64', 'float64'],
  [24, 'I8', 'int8'],
  [25, 'I16', 'int16'],
  [26, 'I32', 'int32'],
  [27, 'I64', 'int64'],
]

/** By ggml's number. */
export const TENSOR_TYPES: ReadonlyMap<number, TensorType> = /* @__PURE__ */ tensorTypes()

function tensorTypes(): ReadonlyMap<number, TensorType> {
  const types = new Map<number, TensorType>()
  for (const [id, name, dtype] of PLAIN_TYPES) {
    types.set(id, { dtype, name, valuesPerBlock: 1, bytesPerBlock: bytesPerElement(dtype) })
  }
  for (const [dtype, { ggufType, values, bytes }] of Object.entries(BLOCK_FORMATS)) {
    const name = dtype.toUpperCase()
    types.set(ggufType, { dtype: dtype as BlockType, name, valuesPerBlock: values, bytesPerBlock: bytes })
  }
  return types
}
