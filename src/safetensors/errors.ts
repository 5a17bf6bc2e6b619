/**
 * The ways in which a safetensors file can be wrong, one class for each, so that a caller can tell a truncated download from a hostile
 * header without reading messages.
 */
import { GlassformerError } from '../errors.js'

/** Base of them all. The message begins with the file's name. */
export class SafetensorsError extends GlassformerError {
  constructor(code: string, where: string, detail: string, options?: ErrorOptions) {
    super(code, `${where}: ${detail}`, options)
  }
}

/**
 * Makes a class whose instances carry one code. Its type is written out, since the compiler's own repeats what Node adds to Error, and
 * then a user's page does not compile.
 */
function kind(code: string): new (where: string, detail: string, options?: ErrorOptions) => SafetensorsError {
  return class extends SafetensorsError {
    constructor(where: string, detail: string, options?: ErrorOptions) {
      super(code, where, detail, options)
    }
  }
}

/** Fewer than the 8 bytes that hold the header's length. */
export class FileTooShortError extends kind('file-too-short') {}
/** The header is longer than 100,000,000 bytes, the format's limit. */
export class HeaderTooLargeError extends kind('header-too-large') {}
/** The header ends after the file does, or is empty: most often an incomplete download. */
export class HeaderLengthError extends kind('header-length') {}
export class HeaderUtf8Error extends kind('header-utf8') {}
/** The header is not one strict JSON object, or it has more names, or longer ones, than are read. */
export class HeaderJsonError extends kind('header-json') {}
/** The same name twice in one object, which JSON parsers resolve in different ways. */
export class DuplicateKeyError extends kind('duplicate-key') {}
/** `__metadata__` is not an object of strings. */
export class MetadataError extends kind('metadata') {}
/** A tensor's entry is not an object with dtype, shape and data_offsets. */
export class TensorEntryError extends kind('tensor-entry') {}
export class UnknownDTypeError extends kind('unknown-dtype') {}
/** A shape that is not a list of at most 64 whole numbers, or whose product is too large. */
export class TensorShapeError extends kind('tensor-shape') {}
/** Offsets that are not two whole numbers in order. */
export class OffsetsError extends kind('offsets') {}
/** The bytes between the offsets are not those that dtype and shape need. */
export class SizeMismatchError extends kind('size-mismatch') {}
/** Tensors that share bytes. */
export class OverlapError extends kind('overlap') {}
/** Bytes that belong to no tensor, between tensors or before the first. */
export class HoleError extends kind('hole') {}
/** The file ends before the last tensor does. */
export class TruncatedError extends kind('truncated') {}
/** Bytes after the last tensor. */
export class TrailingBytesError extends kind('trailing-bytes') {}
/** A tensor that the file does not have. */
export class UnknownTensorError extends kind('unknown-tensor') {}
/** A model.safetensors.index.json that does not fit its shards. */
export class ShardIndexError extends kind('shard-index') {}
/** An 8-bit matrix whose scales do not fit it, or that is quantised in a way that is not supported. */
export class QuantizedTensorError extends kind('quantized-tensor') {}
/** Tensors that cannot be written: two of one name, the name `__metadata__`, or what a reader would refuse. */
export class WriteError extends kind('write') {}
