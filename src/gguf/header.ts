/**
 * The header of a GGUF file: version, metadata, and the names, shapes, formats and places of the tensors. Everything is checked here, before
 * a byte of data is read, so that a tensor handed out later cannot reach outside its file or into another tensor.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 */
import type { ByteSource } from '../files/byte-source.js'
import { showShape, sizeOf, type Shape } from '../tensor/shape.js'
import * as errors from './errors.js'
import { HeaderReader } from './header-reader.js'
import { readKey, readMetadata, type GgufMetadata } from './metadata.js'
import { TENSOR_TYPES, type TensorType } from './tensor-types.js'

/** A tensor as the file has it. */
export interface GgufTensorInfo {
  readonly type: TensorType
  /** Outermost axis first; the file writes them the other way round. */
  readonly shape: Shape
  /** Place in the file of the first byte. */
  readonly begin: number
  /** Place of the byte after the last. */
  readonly end: number
}

export interface GgufHeader {
  readonly version: number
  readonly metadata: GgufMetadata
  readonly tensors: ReadonlyMap<string, GgufTensorInfo>
}

const MAGIC = 0x46554747 // 'GGUF'
const VERSIONS = [2, 3]
const MAX_TENSORS = 65_536
const MAX_DIMENSIONS = 4
const DEFAULT_ALIGNMENT = 32
const MAX_ALIGNMENT = 1 << 20
/** Least bytes of a tensor's entry: lengths of its name and shape, a size, a type, an offset. */
const LEAST_ENTRY = 8 + 4 + 8 + 4 + 8

/** Reads and checks the header. @throws GgufError, a subclass for each way in which it can be wrong */
export async function readHeader(source: ByteSource): Promise<GgufHeader> {
  const { name } = source
  const reader = new HeaderReader(source)
  await reader.fill(4, 'the beginning')
  if (reader.uint32() !== MAGIC)
    throw new errors.GgufMagicError(name, 'does not begin with "GGUF"; it is another kind of file')
  await reader.fill(20, 'the beginning')
  const version = readVersion(reader)
  const tensorCount = reader.uint64()
  const metadata = await readMetadata(reader, reader.uint64())
  const alignment = alignmentOf(metadata, name)
  const entries = await readEntries(reader, tensorCount)
  const dataStart = Math.ceil(reader.position / alignment) * alignment
  const tensors = new Map<string, GgufTensorInfo>()
  for (const [tensor, entry] of entries) tensors.set(tensor, place(entry, { tensor, dataStart, alignment, source }))
  requireApart(tensors, name)
  return { version, metadata, tensors }
}

function readVersion(reader: HeaderReader): number {
  const version = reader.uint32()
  if (VERSIONS.includes(version)) return version
  const isSwapped = (version & 0xffff) === 0
  const what = isSwapped ? 'is in big-endian byte order' : `has version ${version} of the format`
  throw new errors.GgufVersionError(
    reader.name,
    `${what}; read are versions ${VERSIONS.join(' and ')} in little-endian order: convert the model anew with llama.cpp`,
  )
}

function alignmentOf(metadata: GgufMetadata, where: string): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT
  const fits =
    typeof alignment === 'number' &&
    alignment >= 8 &&
    alignment <= MAX_ALIGNMENT &&
    Number.isInteger(Math.log2(alignment))
  if (fits) return alignment
  const got = typeof alignment === 'number' ? alignment : typeof alignment
  throw new errors.GgufAlignmentError(
    where,
    `general.alignment is ${got}, expected a power of two from 8 to ${MAX_ALIGNMENT}`,
  )
}

interface Entry {
  readonly type: TensorType
  readonly shape: Shape
  /** From the beginning of the data. */
  readonly offset: bigint
}

async function readEntries(reader: HeaderReader, count: bigint): Promise<Map<string, Entry>> {
  const where = reader.name
  if (count > MAX_TENSORS) {
    throw new errors.GgufTooLargeError(
      where,
      `the file is said to have ${count} tensors, at most ${MAX_TENSORS} are read`,
    )
  }
  reader.requireLeft(Number(count) * LEAST_ENTRY, `the list of ${count} tensors`)
  const entries = new Map<string, Entry>()
  while (entries.size < count) {
    const tensor = await readKey(reader, `the name of tensor ${entries.size}`)
    if (entries.has(tensor))
      throw new errors.GgufDuplicateError(where, `the tensor ${errors.quoted(tensor)} is there twice`)
    entries.set(tensor, await readEntry(reader, `tensor ${errors.quoted(tensor)}`))
  }
  return entries
}

async function readEntry(reader: HeaderReader, what: string): Promise<Entry> {
  await reader.fill(4, what)
  const rank = reader.uint32()
  if (rank < 1 || rank > MAX_DIMENSIONS) {
    throw new errors.GgufShapeError(reader.name, `${what} has ${rank} dimensions, expected 1 to ${MAX_DIMENSIONS}`)
  }
  await reader.fill(8 * rank + 12, what)
  const sizes = Array.from({ length: rank }, () => reader.uint64())
  const type = typeOf(reader, what)
  const offset = reader.uint64()
  const elements = sizes.reduce((product, size) => product * size, 1n)
  if (elements === 0n || elements > Number.MAX_SAFE_INTEGER) {
    throw new errors.GgufShapeError(reader.name, `${what} has ${sizes.join(' x ')} elements, expected 1 to 2^53 - 1`)
  }
  const shape = sizes.map(Number).toReversed()
  if (shape.at(-1)! % type.valuesPerBlock !== 0) {
    throw new errors.GgufShapeError(
      reader.name,
      `${what} is ${type.name} ${showShape(shape)}: rows of ${shape.at(-1)} are no whole number of blocks of ${type.valuesPerBlock}`,
    )
  }
  return { type, shape, offset }
}

function typeOf(reader: HeaderReader, what: string): TensorType {
  const id = reader.uint32()
  const type = TENSOR_TYPES.get(id)
  if (type) return type
  const known = [...TENSOR_TYPES.values()].map(({ name }) => name).join(', ')
  throw new errors.GgufTypeError(reader.name, `${what} has type ${id} of ggml, which is not read; read are ${known}`)
}

interface Placing {
  readonly tensor: string
  readonly dataStart: number
  readonly alignment: number
  readonly source: ByteSource
}

/** Where the tensor lies in the file. */
function place({ type, shape, offset }: Entry, { tensor, dataStart, alignment, source }: Placing): GgufTensorInfo {
  const what = `tensor ${errors.quoted(tensor)}`
  if (offset % BigInt(alignment) !== 0n) {
    throw new errors.GgufAlignmentError(
      source.name,
      `${what} begins at byte ${offset}, which is no multiple of ${alignment}`,
    )
  }
  const bytes = BigInt(sizeOf(shape) / type.valuesPerBlock) * BigInt(type.bytesPerBlock)
  const end = BigInt(dataStart) + offset + bytes
  if (end > source.size) {
    throw new errors.GgufTruncatedError(
      source.name,
      `${what}, ${type.name} ${showShape(shape)}, ends at byte ${end}, the file has ${source.size}; download it again`,
    )
  }
  return { type, shape, begin: Number(end - bytes), end: Number(end) }
}

function requireApart(tensors: ReadonlyMap<string, GgufTensorInfo>, where: string): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  ordered.slice(1).forEach(([name, { begin }], i) => {
    const [other, { end }] = ordered[i]
    if (begin >= end) return
    throw new errors.GgufOverlapError(
      where,
      `tensor ${errors.quoted(name)} begins at byte ${begin}, inside tensor ${errors.quoted(other)}, which ends at ${end}`,
    )
  })
}
