/**
 * The header of a safetensors file: names, dtypes, shapes and places of the tensors. Everything is checked here, before a byte of
 * data is read, so that a tensor handed out later cannot reach outside its file or into another tensor.
 * Format: https://huggingface.co/docs/safetensors.
 */
import { bytesPerElement, type DType } from '../tensor/dtype.js'
import { showShape, type Shape } from '../tensor/shape.js'
import { DTYPE_OF_NAME } from './dtypes.js'
import * as errors from './errors.js'
import { NumberText, parseStrictJson, StrictJsonError, type StrictJson } from './strict-json.js'

/** Bytes before the header that hold its length. */
export const LENGTH_BYTES = 8
/** The longest header that the format allows. */
export const MAX_HEADER_BYTES = 100_000_000

export interface TensorInfo {
  readonly dtype: DType
  readonly shape: Shape
  /** First byte, counted from the end of the header. */
  readonly begin: number
  /** The byte after the last. */
  readonly end: number
}

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: ReadonlyMap<string, string>
}

/** The header's length from the first bytes of a file, checked against the file's size. */
export function headerLength(bytes: Uint8Array, fileSize: number, where: string): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true)
  if (length > MAX_HEADER_BYTES) {
    throw new errors.HeaderTooLargeError(
      where,
      `the header is said to have ${length} bytes, at most ${MAX_HEADER_BYTES} are allowed; this is not a safetensors file, or it is damaged`,
    )
  }
  if (length === 0n || LENGTH_BYTES + Number(length) > fileSize) {
    throw new errors.HeaderLengthError(
      where,
      `the header is said to have ${length} bytes, the file has ${fileSize - LENGTH_BYTES} after its length; download it again`,
    )
  }
  return Number(length)
}

/** Parses and checks the header's bytes; `dataSize` is the number of bytes that follow it. */
export function parseHeader(bytes: Uint8Array, dataSize: number, where: string): Header {
  const root = parseObject(decode(bytes, where), where)
  const metadata = parseMetadata(root.get('__metadata__'), where)
  root.delete('__metadata__')
  const tensors = new Map<string, TensorInfo>()
  for (const [name, entry] of root) tensors.set(name, parseTensor(entry, `${where}: tensor ${JSON.stringify(name)}`))
  checkLayout(tensors, dataSize, where)
  return { tensors, metadata }
}

function decode(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new errors.HeaderUtf8Error(where, 'the header is not valid UTF-8', { cause: error })
  }
}

function parseObject(text: string, where: string): Map<string, StrictJson> {
  if (!text.startsWith('{')) throw new errors.HeaderJsonError(where, 'the header does not begin with "{"')
  let root: StrictJson
  try {
    root = parseStrictJson(text)
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error
    const Kind = error.duplicateKey === undefined ? errors.HeaderJsonError : errors.DuplicateKeyError
    throw new Kind(where, `the header is not usable JSON: ${error.message}`, { cause: error })
  }
  return root as Map<string, StrictJson> // it began with "{"
}

function parseMetadata(value: StrictJson | undefined, where: string): Map<string, string> {
  const metadata = new Map<string, string>()
  if (value === undefined) return metadata
  if (!(value instanceof Map)) throw new errors.MetadataError(where, '__metadata__ is not an object')
  for (const [key, text] of value) {
    if (typeof text !== 'string')
      throw new errors.MetadataError(where, `__metadata__ ${JSON.stringify(key)} is not a string`)
    metadata.set(key, text)
  }
  return metadata
}

const FIELDS = ['dtype', 'shape', 'data_offsets']

/** Fields beside these three are left alone, as the official reader does: a later version of the format may add some. */
function parseTensor(entry: StrictJson, where: string): TensorInfo {
  if (!(entry instanceof Map)) throw new errors.TensorEntryError(where, 'its entry is not an object')
  const missing = FIELDS.filter((field) => !entry.has(field))
  if (missing.length > 0) throw new errors.TensorEntryError(where, `its entry has no ${missing.join(', ')}`)

  const dtype = parseDType(entry.get('dtype')!, where)
  const shape = wholeNumbers(entry.get('shape')!)
  if (!shape) throw new errors.TensorShapeError(where, 'its shape is not a list of whole numbers up to 2^53 - 1')
  const offsets = wholeNumbers(entry.get('data_offsets')!)
  if (offsets?.length !== 2 || offsets[0] > offsets[1]) {
    throw new errors.OffsetsError(where, 'its data_offsets are not two whole numbers [begin, end] in order')
  }
  const [begin, end] = offsets
  const bytes = shape.reduce((product, size) => product * BigInt(size), BigInt(bytesPerElement(dtype)))
  if (bytes > Number.MAX_SAFE_INTEGER)
    throw new errors.TensorShapeError(where, `its shape ${showShape(shape)} needs more than 2^53 bytes`)
  if (Number(bytes) !== end - begin) {
    throw new errors.SizeMismatchError(
      where,
      `${dtype} ${showShape(shape)} needs ${bytes} bytes, its data_offsets span ${end - begin}`,
    )
  }
  return { dtype, shape, begin, end }
}

function parseDType(value: StrictJson, where: string): DType {
  if (typeof value !== 'string') throw new errors.TensorEntryError(where, 'its dtype is not a string')
  const dtype = DTYPE_OF_NAME.get(value)
  if (dtype) return dtype
  throw new errors.UnknownDTypeError(
    where,
    `dtype ${JSON.stringify(value)} is not one of ${[...DTYPE_OF_NAME.keys()].join(', ')}`,
  )
}

function wholeNumbers(value: StrictJson): number[] | undefined {
  if (!Array.isArray(value)) return undefined
  const numbers = value.map((item) =>
    item instanceof NumberText && /^\d{1,16}$/.test(item.text) ? Number(item.text) : NaN,
  )
  return numbers.every(Number.isSafeInteger) ? numbers : undefined
}

/** The tensors must fill the data without gap or overlap. */
function checkLayout(tensors: ReadonlyMap<string, TensorInfo>, dataSize: number, where: string): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  let position = 0
  for (const [name, { begin, end }] of ordered) {
    const tensor = `tensor ${JSON.stringify(name)}`
    if (begin < position)
      throw new errors.OverlapError(
        where,
        `${tensor} begins at byte ${begin}, inside another one that ends at ${position}`,
      )
    if (begin > position)
      throw new errors.HoleError(where, `bytes ${position} to ${begin} before ${tensor} belong to no tensor`)
    position = end
  }
  if (position > dataSize) {
    throw new errors.TruncatedError(
      where,
      `the tensors need ${position} bytes, the file has ${dataSize}; download it again`,
    )
  }
  if (position < dataSize)
    throw new errors.TrailingBytesError(where, `${dataSize - position} bytes follow the last tensor`)
}
