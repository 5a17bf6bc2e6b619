/**
 * What went wrong, as the page shows it.
 */
import { GlassformerError } from '../../src/errors.js'

export interface Trouble {
  readonly where: 'link' | 'model' | 'backend' | 'walk' | 'file'
  readonly message: string
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof GlassformerError ? error.code : undefined
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
