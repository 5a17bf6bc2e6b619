/**
 * An index as one file, little-endian:
 *
 *   0  magic "GLASSIDX"        24  dimension, uint32
 *   8  version, uint32         28  count, uint32
 *  12  CRC-32 of all after 16  32  length of the JSON, uint32
 *  16  dtype, uint32 (0 float32, 1 int8)   36  JSON: encoder, corpus
 *  20  reserved, 0             ..  zeros up to a multiple of 64; int8: scales; vectors
 *
 * The vectors begin at a multiple of 64 bytes, so that an aligned buffer is searched in place.
 */
import { GlassformerError } from '../../errors.js'
import { JsonObject } from '../../files/json.js'
import { viewBytes } from '../../tensor/dtype.js'
import type { Passage } from './corpus.js'
import { crc32 } from './crc32.js'
import { FlatIndex, type VectorRows } from './flat-index.js'

const MAGIC = 0x5844495353414c47n // "GLASSIDX"
const VERSION = 1
const FIXED_BYTES = 36
const CHECKED_FROM = 16
/** Rows that are copied together. */
const ROWS_TOGETHER = 4096

/** What an index was made of. */
export interface IndexMeta {
  /** Name of the sentence encoder. */
  readonly encoder: string
  /** {@link corpusFingerprint} of the passages. */
  readonly corpus: string
}

/** A file that is not a usable index. */
export class IndexFileError extends GlassformerError {}

/** CRC-32 over ids, titles and texts, in hexadecimal: tells whether an index belongs to a corpus. */
export function corpusFingerprint(passages: readonly Passage[]): string {
  const encoder = new TextEncoder()
  const crc = passages.reduce(
    (sum, { id, title, text }) => crc32(encoder.encode(JSON.stringify([id, title, text])), sum),
    0,
  )
  return crc.toString(16).padStart(8, '0')
}

/** The bytes of an index file. */
export function encodeIndex(index: VectorRows, meta: IndexMeta): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(meta))
  const start = dataStart(json.length)
  const { count, dimension } = index
  const isInt8 = index.dtype === 'int8'
  const [scaleBytes, rowBytes] = isInt8 ? [4, dimension] : [0, 4 * dimension]
  const file = new Uint8Array(start + count * (scaleBytes + rowBytes))
  const view = new DataView(file.buffer)
  view.setBigUint64(0, MAGIC, true)
  view.setUint32(8, VERSION, true)
  view.setUint32(16, isInt8 ? 1 : 0, true)
  view.setUint32(24, dimension, true)
  view.setUint32(28, count, true)
  view.setUint32(32, json.length, true)
  file.set(json, FIXED_BYTES)
  for (let first = 0; first < count; first += ROWS_TOGETHER) {
    const { vectors, scales } = index.rows(first, Math.min(first + ROWS_TOGETHER, count))
    if (scales) file.set(bytesOf(scales), start + first * scaleBytes)
    file.set(bytesOf(vectors), start + count * scaleBytes + first * rowBytes)
  }
  view.setUint32(12, crc32(file.subarray(CHECKED_FROM)), true)
  return file
}

/**
 * Opens an index file. The vectors are views of `bytes` where these are aligned.
 * @throws IndexFileError when it is not an index, of a newer version, or damaged
 */
export function decodeIndex(bytes: Uint8Array, where: string): { index: FlatIndex; meta: IndexMeta } {
  const fail = (code: string, detail: string) => new IndexFileError(code, `${where}: ${detail}`)
  if (bytes.length < FIXED_BYTES) throw fail('index-too-short', `${bytes.length} bytes are too few for an index file`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getBigUint64(0, true) !== MAGIC)
    throw fail('not-an-index', 'this is not an index file (its first bytes are not GLASSIDX)')
  const version = view.getUint32(8, true)
  if (version !== VERSION)
    throw fail('index-version', `version ${version}, this program reads ${VERSION}; build the index again`)

  const dtype = view.getUint32(16, true)
  if (dtype > 1) throw fail('index-dtype', `unknown dtype ${dtype}`)
  const dimension = view.getUint32(24, true)
  const count = view.getUint32(28, true)
  const jsonLength = view.getUint32(32, true)
  const start = dataStart(jsonLength)
  const scaleBytes = dtype === 1 ? count * 4 : 0
  const wanted = start + scaleBytes + count * dimension * (dtype === 1 ? 1 : 4)
  if (dimension === 0 || count === 0) throw fail('index-size', `${count} vectors of ${dimension} elements`)
  if (bytes.length !== wanted) {
    throw fail(
      'index-size',
      `${bytes.length} bytes, but ${count} vectors of ${dimension} elements need ${wanted}; it is cut off or damaged`,
    )
  }
  if (crc32(bytes.subarray(CHECKED_FROM)) !== view.getUint32(12, true)) {
    throw fail('index-checksum', 'its checksum is wrong, so it is damaged; build the index again')
  }
  const vectors = viewBytes(dtype === 1 ? 'int8' : 'float32', bytes.subarray(start + scaleBytes))
  const scales = dtype === 1 ? viewBytes('float32', bytes.subarray(start, start + scaleBytes)) : undefined
  if (!(scales ?? vectors).every(Number.isFinite)) throw fail('index-values', 'it contains NaN or Infinity')
  const meta = parseMeta(bytes.subarray(FIXED_BYTES, FIXED_BYTES + jsonLength), where)
  return { index: new FlatIndex(dimension, vectors, scales), meta }
}

/** The encoder and the passages that an index is to be used with. */
export interface IndexUse {
  readonly encoder: { readonly name: string; readonly dimension: number }
  readonly passages: readonly Passage[]
}

/** @throws IndexFileError when the index was made of other passages or by another encoder */
export function requireIndexOf(
  { index, meta }: { readonly index: FlatIndex; readonly meta: IndexMeta },
  { encoder, passages }: IndexUse,
  where: string,
): void {
  if (meta.encoder !== encoder.name || index.dimension !== encoder.dimension) {
    throw new IndexFileError(
      'other-encoder',
      `${where}: made by ${meta.encoder} (${index.dimension} dimensions), not by ${encoder.name} (${encoder.dimension}); build the index again`,
    )
  }
  const corpus = corpusFingerprint(passages)
  if (meta.corpus !== corpus || index.count !== passages.length) {
    throw new IndexFileError(
      'other-corpus',
      `${where}: made of ${index.count} other passages (${meta.corpus}, these are ${passages.length}, ${corpus}); build the index again`,
    )
  }
}

function parseMeta(bytes: Uint8Array, where: string): IndexMeta {
  try {
    const json = JsonObject.parse(new TextDecoder().decode(bytes), where)
    return { encoder: json.string('encoder'), corpus: json.string('corpus') }
  } catch (error) {
    throw new IndexFileError('index-meta', (error as Error).message, { cause: error })
  }
}

function dataStart(jsonLength: number): number {
  return Math.ceil((FIXED_BYTES + jsonLength) / 64) * 64
}

function bytesOf(array: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
