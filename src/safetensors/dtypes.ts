/**
 * The format's dtype names and ours.
 */
import type { DType } from '../tensor/dtype.js'

export const DTYPE_OF_NAME: ReadonlyMap<string, DType> = new Map([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['F8_E4M3', 'float8_e4m3fn'],
  ['F8_E5M2', 'float8_e5m2'],
  ['I64', 'int64'],
  ['U64', 'uint64'],
  ['I32', 'int32'],
  ['U32', 'uint32'],
  ['I16', 'int16'],
  ['U16', 'uint16'],
  ['I8', 'int8'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
])

export const NAME_OF_DTYPE: ReadonlyMap<DType, string> = /* @__PURE__ */ new Map(
  [...DTYPE_OF_NAME].map(([name, dtype]) => [dtype, name]),
)
