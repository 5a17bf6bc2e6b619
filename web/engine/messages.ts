/**
 * The messages between page and worker. A call has a number; what the worker reports, its result or its error carry the same number.
 * Errors cross as data and become errors again on the other side.
 */
import { AbortedError, GlassformerError } from '../../src/errors.js'
import type { MethodName } from './methods.js'

export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly method: MethodName; readonly args: readonly unknown[] }
  | { readonly kind: 'cancel'; readonly id: number }

export type FromWorker =
  | { readonly kind: 'report'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: SentError }

export interface SentError {
  readonly name: string
  readonly message: string
  /** Undefined for a defect in the program. */
  readonly code: string | undefined
  readonly stack: string | undefined
}

export function sendError(error: unknown): SentError {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  return { name, message, stack, code: error instanceof GlassformerError ? error.code : undefined }
}

/** The error as it was thrown, as far as a program can tell: name, code and message. */
export function reviveError({ name, message, code, stack }: SentError): Error {
  if (code === 'aborted') return new AbortedError('the engine', message)
  const error = code === undefined ? new Error(message) : new GlassformerError(code, message)
  error.name = name
  if (stack !== undefined) error.stack = stack
  return error
}

/** The memory of all typed arrays in plain data: it can be handed over in place of being copied. */
export function buffersIn(value: unknown, found = new Set<ArrayBuffer>()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer)
  } else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) buffersIn(part, found)
  }
  return found
}
