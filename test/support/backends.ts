/**
 * The backends that every golden is checked on. A backend that this machine cannot run is listed with the reason, and its tests are
 * skipped with it.
 */
import { referenceBackend, type Backend } from '../../src/backends/index.js'

export interface TestedBackend {
  readonly name: string
  readonly create: () => Backend
}

export const BACKENDS: readonly TestedBackend[] = [{ name: 'reference', create: referenceBackend }]
