/**
 * A step done again from the numbers that are shown, beside the engine's own result, and by how much they differ.
 */
import type { Check } from './cell-arithmetic.js'
import { difference, exact } from './digits.js'

export interface CheckLineProps {
  /** What was done again: `Σ of the products`. */
  readonly what: string
  readonly check: Check
}

export function CheckLine({ what, check: { shown, engine, difference: by, isRounding } }: CheckLineProps) {
  const verdict =
    by === 0 ? 'the same' : `${difference(by)} apart, ${isRounding ? 'float32 rounding' : 'more than float32 rounding'}`
  return (
    <p class={isRounding ? 'check-line' : 'check-line is-off'}>
      <span aria-hidden="true">{isRounding ? '✓' : '✗'}</span> {what} {exact(shown)}; the engine says {exact(engine)}:{' '}
      {verdict}.
    </p>
  )
}
