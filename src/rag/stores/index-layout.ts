/**
 * An index with its passages as one file, version 2, little-endian. Vectors and texts stand apart, so that a search reads the vectors in
 * large pieces and of the texts only what it found; whoever opens it need not read it whole.
 *
 *   0  magic "GLASSIDX"                        40  places of the sections, 6 of uint64: scales, vectors,
 *   8  version, uint32                             records, texts, documents, checksums
 *  12  CRC-32 of the header after 16           88  end of the file, uint64
 *  16  dtype, uint32 (0 float32, 1 int8)       96  CRC-32 of the checksums, uint32
 *  20  dimension, uint32                      100  JSON: the encoder
 *  24  passages, uint32                        ..  the sections, each at a multiple of 64:
 *  28  documents, uint32
 *  32  length of the JSON, uint32
 *  36  rows of a block, uint32
 *
 *   scales     int8: float32 for each row
 *   vectors    the rows, one after the other; the passages of a document follow each other
 *   records    for each row: place of its passage in texts, uint64; length, uint32; CRC-32 of it, uint32
 *   texts      passages as JSON
 *   documents  JSON lines {"id", "hash", "metadata", "passages": how many}, in the order of the rows
 *   checksums  CRC-32 for each block of rows (its vectors, then its scales), and of documents
 */
import { GlassformerError } from '../../errors.js'
import { JsonObject } from '../../files/json.js'
import { viewBytes } from '../../tensor/dtype.js'
import { crc32 } from '../finding/crc32.js'
import type { EncoderIdentity } from '../finding/encoder-identity.js'
import type { IndexDType, IndexRows } from '../finding/flat-index.js'
import { IndexFileError } from '../finding/index-file.js'

const MAGIC = 0x5844495353414c47n // "GLASSIDX"
export const LAYOUT_VERSION = 2
export const FIXED_BYTES = 100
const CHECKED_FROM = 16
export const RECORD_BYTES = 16
/** Rows that are read, checked and packed together. */
export const BLOCK_ROWS = 16_384
/** The JSON of a header is no longer than that. */
const LONGEST_JSON = 65_536

const SECTIONS = ['scales', 'vectors', 'records', 'texts', 'documents', 'checksums'] as const
export type Section = (typeof SECTIONS)[number]

/** What an index says of itself. */
export interface IndexHeader {
  readonly encoder: EncoderIdentity
  readonly dtype: IndexDType
  readonly dimension: number
  readonly passages: number
  readonly documents: number
  readonly blockRows: number
  /** Where each section begins and ends. */
  readonly sections: Readonly<Record<Section, { readonly start: number; readonly end: number }>>
  readonly size: number
  readonly checksum: number
}

/** Bytes of an element. */
export function elementBytes(dtype: IndexDType): number {
  return dtype === 'int8' ? 1 : 4
}

export function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64
}

/** Where the first section begins. */
export function headerBytes(encoder: EncoderIdentity): number {
  return align(FIXED_BYTES + encodeJson(encoder).length)
}

export function encodeHeader({ encoder, dtype, sections, ...counts }: IndexHeader): Uint8Array {
  const json = encodeJson(encoder)
  const bytes = new Uint8Array(FIXED_BYTES + json.length)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, MAGIC, true)
  view.setUint32(8, LAYOUT_VERSION, true)
  view.setUint32(16, dtype === 'int8' ? 1 : 0, true)
  view.setUint32(20, counts.dimension, true)
  view.setUint32(24, counts.passages, true)
  view.setUint32(28, counts.documents, true)
  view.setUint32(32, json.length, true)
  view.setUint32(36, counts.blockRows, true)
  SECTIONS.forEach((section, i) => view.setBigUint64(40 + 8 * i, BigInt(sections[section].start), true))
  view.setBigUint64(88, BigInt(counts.size), true)
  view.setUint32(96, counts.checksum, true)
  bytes.set(json, FIXED_BYTES)
  view.setUint32(12, crc32(bytes.subarray(CHECKED_FROM)), true)
  return bytes
}

/**
 * Reads the header of an index file of `size` bytes from its beginning.
 * @throws IndexFileError when it is not an index, of another version, or damaged
 */
export function decodeHeader(beginning: Uint8Array, size: number, where: string): IndexHeader {
  const fail = (code: string, detail: string) => new IndexFileError(code, `${where}: ${detail}`)
  if (beginning.length < FIXED_BYTES) throw fail('index-too-short', `${size} bytes are too few for an index file`)
  const view = new DataView(beginning.buffer, beginning.byteOffset, beginning.length)
  if (view.getBigUint64(0, true) !== MAGIC)
    throw fail('not-an-index', 'this is not an index file (its first bytes are not GLASSIDX)')
  const version = view.getUint32(8, true)
  if (version === 1) {
    throw fail(
      'index-version',
      'version 1, which holds vectors without their passages; open it with these (Retriever.open), or build the index again',
    )
  }
  if (version !== LAYOUT_VERSION)
    throw fail('index-version', `version ${version}, this program reads ${LAYOUT_VERSION}; build the index again`)
  const jsonLength = view.getUint32(32, true)
  if (jsonLength > LONGEST_JSON || FIXED_BYTES + jsonLength > beginning.length)
    throw fail('index-size', 'its header is cut off or damaged')
  const header = beginning.subarray(CHECKED_FROM, FIXED_BYTES + jsonLength)
  if (crc32(header) !== view.getUint32(12, true))
    throw fail('index-checksum', 'the checksum of its header is wrong, so it is damaged; build the index again')

  const dtype = view.getUint32(16, true)
  if (dtype > 1) throw fail('index-dtype', `unknown dtype ${dtype}`)
  const [dimension, passages, documents] = [20, 24, 28].map((at) => view.getUint32(at, true))
  const blockRows = view.getUint32(36, true)
  const starts = SECTIONS.map((_, i) => Number(view.getBigUint64(40 + 8 * i, true)))
  const ends = [...starts.slice(1), Number(view.getBigUint64(88, true))]
  const ordered = starts.every((start, i) => Number.isSafeInteger(start) && start % 64 === 0 && start <= ends[i])
  if (dimension === 0 || blockRows === 0 || !ordered || starts[0] < FIXED_BYTES + jsonLength)
    throw fail('index-size', 'the places of its sections make no sense; build the index again')
  if (ends[5] !== size) throw fail('index-size', `${size} bytes, its header says ${ends[5]}; it is cut off or damaged`)
  const sections = Object.fromEntries(
    SECTIONS.map((section, i) => [section, { start: starts[i], end: ends[i] }]),
  ) as IndexHeader['sections']
  const wanted: Partial<Record<Section, number>> = {
    scales: dtype === 1 ? passages * 4 : 0,
    vectors: passages * dimension * (dtype === 1 ? 1 : 4),
    records: passages * RECORD_BYTES,
    checksums: (Math.ceil(passages / blockRows) + 1) * 4,
  }
  for (const [section, bytes] of Object.entries(wanted)) {
    const { start, end } = sections[section as Section]
    if (end - start < bytes)
      throw fail('index-size', `${passages} passages need ${bytes} bytes of ${section}, it has ${end - start}`)
  }
  return {
    encoder: decodeEncoder(beginning.subarray(FIXED_BYTES, FIXED_BYTES + jsonLength), where),
    dtype: dtype === 1 ? 'int8' : 'float32',
    dimension,
    passages,
    documents,
    blockRows,
    sections,
    size,
    checksum: view.getUint32(96, true),
  }
}

/** Most bytes of a header, which is what has to be read of a file to decode it. */
export const LONGEST_HEADER = FIXED_BYTES + LONGEST_JSON

function encodeJson(encoder: EncoderIdentity): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(encoder))
}

function decodeEncoder(bytes: Uint8Array, where: string): EncoderIdentity {
  try {
    const json = JsonObject.parse(new TextDecoder().decode(bytes), where)
    return {
      name: json.string('name'),
      hash: json.string('hash'),
      pooling: json.oneOf('pooling', ['mean', 'cls']),
      normalize: json.boolean('normalize'),
      ...(json.has('location') ? { location: json.string('location') } : {}),
    }
  } catch (error) {
    if (!(error instanceof GlassformerError)) throw error
    throw new IndexFileError('index-meta', error.message, { cause: error })
  }
}

/** Rows from the bytes of their vectors and scales. */
export function rowsOf(dtype: IndexDType, vectors: Uint8Array, scales: Uint8Array): IndexRows {
  return {
    vectors: viewBytes(dtype, vectors),
    scales: dtype === 'int8' ? viewBytes('float32', scales) : undefined,
  }
}
