/**
 * The header of a safetensors file: names, dtypes, shapes and places of the tensors. Everything is checked here, before a byte of
 * data is read, so that a tensor handed out later cannot reach outside its file or into another tensor.
 * Format: https://huggingface.co/docs/safetensors.
 */
import { bytesPerElement, type DType } from '../tensor/dtype.js'
import { showShape, type Shape } from '../tensor/shape.js'
import { DTYPE_OF_NAME } from './dtypes.js'
import * as errors from './errors.js'
import { StrictJsonError, StrictJsonReader } from './strict-json.js'

/** Bytes before the header that hold its length. */
export const LENGTH_BYTES = 8
/** The longest header that the format allows. */
export const MAX_HEADER_BYTES = 100_000_000
/** Most axes of a tensor, as in PyTorch and NumPy. */
export const MAX_RANK = 64
/** Most tensors of a file. The checkpoints with the most have a fifth of that, in many files. */
export const MAX_TENSORS = 500_000
/** Most entries of the metadata. */
export const MAX_METADATA = 100_000
const METADATA = '__metadata__'

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

/**
 * Reads and checks the header's bytes; `dataSize` is the number of bytes that follow it. The time grows with its length, and so does the
 * memory, to less than eight times of it: an entry is checked as soon as it is read, and nothing else of it is kept.
 */
export function parseHeader(bytes: Uint8Array, dataSize: number, where: string): Header {
  const json = new StrictJsonReader(decode(bytes, where))
  const tensors = new Map<string, TensorInfo>()
  let metadata = new Map<string, string>()
  if (json.next !== '{') throw new errors.HeaderJsonError(where, 'the header does not begin with "{"')
  try {
    json.object((name) => {
      if (name === METADATA) metadata = parseMetadata(json, where)
      else tensors.set(name, parseTensor(json, `${where}: tensor ${JSON.stringify(name)}`))
    }, MAX_TENSORS + 1)
    json.end()
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error
    const Kind = error.duplicateKey === undefined ? errors.HeaderJsonError : errors.DuplicateKeyError
    throw new Kind(where, `the header is not usable JSON: ${error.message}`, { cause: error })
  }
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

function parseMetadata(json: StrictJsonReader, where: string): Map<string, string> {
  const metadata = new Map<string, string>()
  if (json.next !== '{') throw new errors.MetadataError(where, `${METADATA} is not an object`)
  json.object((key) => {
    if (json.next !== '"') throw new errors.MetadataError(where, `${METADATA} ${JSON.stringify(key)} is not a string`)
    metadata.set(key, json.string())
  }, MAX_METADATA)
  return metadata
}

const FIELDS = ['dtype', 'shape', 'data_offsets']

/** Fields beside these three are left alone, as the official reader does: a later version of the format may add some. */
function parseTensor(json: StrictJsonReader, where: string): TensorInfo {
  if (json.next !== '{') throw new errors.TensorEntryError(where, 'its entry is not an object')
  const entry: { dtype?: DType; shape?: Shape | null; data_offsets?: Shape | null } = {}
  json.object((field) => {
    if (field === 'dtype') entry.dtype = parseDType(json, where)
    else if (field === 'shape') entry.shape = wholeNumbers(json, MAX_RANK)
    else if (field === 'data_offsets') entry.data_offsets = wholeNumbers(json, 2)
    else json.skip()
  })
  const { dtype, shape, data_offsets: offsets } = entry
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    const missing = FIELDS.filter((field) => !(field in entry))
    throw new errors.TensorEntryError(where, `its entry has no ${missing.join(', ')}`)
  }
  if (!shape) {
    throw new errors.TensorShapeError(
      where,
      `its shape is not a list of whole numbers up to 2^53 - 1, at most ${MAX_RANK} of them`,
    )
  }
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

function parseDType(json: StrictJsonReader, where: string): DType {
  if (json.next !== '"') throw new errors.TensorEntryError(where, 'its dtype is not a string')
  const name = json.string()
  const dtype = DTYPE_OF_NAME.get(name)
  if (dtype) return dtype
  throw new errors.UnknownDTypeError(
    where,
    `dtype ${JSON.stringify(name)} is not one of ${[...DTYPE_OF_NAME.keys()].join(', ')}`,
  )
}

/** A list of at most so many whole numbers; null for another value. */
function wholeNumbers(json: StrictJsonReader, most: number): readonly number[] | null {
  if (json.next !== '[') {
    json.skip()
    return null
  }
  const numbers: number[] = []
  let isRight = true
  json.array(() => {
    const number = /[-0-9]/.test(json.next) ? json.wholeNumber() : void json.skip()
    if (number === undefined || numbers.length === most) isRight = false
    else numbers.push(number)
  })
  return isRight ? numbers.slice() : null // a list that grew has room for more
}

/** The tensors must fill the data without gap or overlap. */
function checkLayout(tensors: ReadonlyMap<string, TensorInfo>, dataSize: number, where: string): void {
  const ordered = [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)
  const named = (wanted: TensorInfo) => {
    for (const [name, info] of tensors) if (info === wanted) return `tensor ${JSON.stringify(name)}`
    return 'a tensor'
  }
  let position = 0
  for (const info of ordered) {
    const { begin, end } = info
    if (begin < position)
      throw new errors.OverlapError(
        where,
        `${named(info)} begins at byte ${begin}, inside another one that ends at ${position}`,
      )
    if (begin > position)
      throw new errors.HoleError(where, `bytes ${position} to ${begin} before ${named(info)} belong to no tensor`)
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
