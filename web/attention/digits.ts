/**
 * Numbers as text. Minus signs are real ones, so that columns of digits keep their width.
 */

/** Additive masks are the lowest float32 or -Infinity; both say that the key is hidden. */
export function isHidden(score: number): boolean {
  return score < -1e30
}

/** With a fixed number of decimals; `−∞` for a hidden key. */
export function fixed(value: number, decimals = 3): string {
  if (isHidden(value)) return '−∞'
  const text = value.toFixed(decimals)
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−')
}

/** All digits that a float32 holds. */
export function exact(value: number): string {
  if (isHidden(value)) return '−∞'
  return String(Number(value.toPrecision(9))).replaceAll('-', '−')
}

/** A small difference: `0` or one digit and a power of ten. */
export function difference(value: number): string {
  return value === 0 ? '0' : Math.abs(value).toExponential(0).replace('-', '−')
}
