/**
 * The errors that glassformer throws on purpose. Each message says what was wrong, where, and what to do; each class
 * carries a stable `code`, so that a program can tell cases apart without reading the text. Files that can be wrong in many
 * ways (safetensors, an index file) have their own subclasses beside their readers.
 */

/** Most characters of a message: it may repeat what a file says, and that can be of any length. */
const LONGEST_MESSAGE = 1000
/** What is kept of a longer one. The place and the fault stand at its beginning, what to do at its end. */
const KEPT = { start: 640, end: 300 }

/** A text as a message: what is longer than 1,000 characters keeps its beginning and its end, and says how much was cut between. */
export function shortened(text: string): string {
  if (text.length <= LONGEST_MESSAGE) return text
  const cut = text.length - KEPT.start - KEPT.end
  return `${text.slice(0, KEPT.start)} [… ${cut} characters cut …] ${text.slice(-KEPT.end)}`
}

/**
 * Base of every error thrown on purpose. `instanceof GlassformerError` separates bad input from a defect in the engine. A message has at
 * most 1,000 characters, see {@link shortened}.
 */
export class GlassformerError extends Error {
  /** Stable and machine-readable, in kebab case: `shape-mismatch`, `file-not-found`, … */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(shortened(message), options)
    this.name = new.target.name
    this.code = code
  }
}

/** Shapes that do not fit an operation: `matmul: [2, 3] x [4, 5]: inner dimensions 3 and 4 differ`. */
export class ShapeError extends GlassformerError {
  constructor(operation: string, detail: string) {
    super('shape-mismatch', `${operation}: ${detail}`)
  }
}

/** A dtype that an operation does not take. */
export class DTypeError extends GlassformerError {
  constructor(operation: string, got: string, wanted: string) {
    super('dtype-mismatch', `${operation}: got a ${got} tensor, expected ${wanted}`)
  }
}

/** A file or folder that is missing or cannot be read. */
export class FileError extends GlassformerError {}

/** A config.json or tokenizer.json whose content is missing a field, has a wrong type, or asks for what is not supported. */
export class ConfigError extends GlassformerError {}

/** Weights that do not fit the model: missing, unused or misshapen tensors, listed by name. */
export class WeightsError extends GlassformerError {}

/** An argument that the caller can fix: an unknown option, an empty question, a question longer than the model allows. */
export class InputError extends GlassformerError {}

/** The run was cancelled through its AbortSignal. `name` is `AbortError`, as the platform's own is. */
export class AbortedError extends GlassformerError {
  constructor(what: string, reason?: unknown) {
    super('aborted', `${what} was cancelled`, { cause: reason })
    this.name = 'AbortError'
  }
}
