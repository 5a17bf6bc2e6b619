/**
 * The backend that runs where the caller names none: the fastest that the platform has.
 */
import type { Backend } from './backend.js'
import { referenceBackend } from './reference/reference.js'

/** A new backend, which the caller disposes. */
export async function defaultBackend(): Promise<Backend> {
  return referenceBackend()
}
