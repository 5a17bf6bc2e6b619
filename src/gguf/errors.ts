/**
 * The ways in which a GGUF file can be wrong, one class for each, so that a caller can tell a truncated download from a hostile header
 * without reading messages.
 */
import { GlassformerError } from '../errors.js'

/** Names in a file may be long, and an error is shown to people. */
const MAX_MESSAGE = 1000
const MAX_SHOWN = 80

/** Base of them all. The message begins with the file's name and has at most 1,000 characters. */
export class GgufError extends GlassformerError {
  constructor(code: string, where: string, detail: string, options?: ErrorOptions) {
    const message = `${where}: ${detail}`
    super(code, message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message, options)
  }
}

/** A name of a file from outside, quoted and cut to what a message has room for. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name)
}

/**
 * Makes a class whose instances carry one code. Its type is written out, since the compiler's own repeats what Node adds to Error, and
 * then a user's page does not compile.
 */
function kind(code: string): new (where: string, detail: string, options?: ErrorOptions) => GgufError {
  return class extends GgufError {
    constructor(where: string, detail: string, options?: ErrorOptions) {
      super(code, where, detail, options)
    }
  }
}

/** The file does not begin with `GGUF`. */
export class GgufMagicError extends kind('gguf-magic') {}
/** A version other than 2 and 3, or a file in big-endian byte order. */
export class GgufVersionError extends kind('gguf-version') {}
/** The file ends inside its header or its tensors, or a count or a length in it reaches beyond its end. */
export class GgufTruncatedError extends kind('gguf-truncated') {}
/** More keys, tensors, nested arrays or bytes in the header than any model has. */
export class GgufTooLargeError extends kind('gguf-too-large') {}
/** A value of the metadata that is none: an unknown type, arrays nested too deep, text that is not UTF-8, a boolean that is neither 0 nor 1. */
export class GgufValueError extends kind('gguf-value') {}
/** The same key or tensor twice. */
export class GgufDuplicateError extends kind('gguf-duplicate') {}
/** An alignment that is no power of two from 8 to 2^20, or a tensor that does not begin at a multiple of it. */
export class GgufAlignmentError extends kind('gguf-alignment') {}
/** A tensor with no or too many dimensions, too many elements, or rows that are no whole number of blocks. */
export class GgufShapeError extends kind('gguf-shape') {}
/** A tensor of a number format that is not read. */
export class GgufTypeError extends kind('gguf-type') {}
/** Tensors that share bytes. */
export class GgufOverlapError extends kind('gguf-overlap') {}
/** A tensor that the file does not have. */
export class GgufUnknownTensorError extends kind('gguf-unknown-tensor') {}
/** Parts of a split model that do not belong together, or that are missing. */
export class GgufSplitError extends kind('gguf-split') {}
/** A model of an architecture that is not supported, or with a trait of it that is not. */
export class GgufArchitectureError extends kind('gguf-architecture') {}
/** A tokenizer of a kind that is not supported, or whose lists do not fit each other. */
export class GgufTokenizerError extends kind('gguf-tokenizer') {}
