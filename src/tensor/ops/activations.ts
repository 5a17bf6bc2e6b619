/**
 * The functions that stand between two linear layers, by the names that config.json uses.
 */
import { output, rowMajor, type Float } from './float.js'

const FUNCTIONS = {
  relu: (x: number) => Math.max(x, 0),
  /** x Φ(x), Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415 */
  gelu: (x: number) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  /** The same, approximated with tanh; gelu_new in config.json. */
  gelu_tanh: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  /** x sigmoid(x), also called swish */
  silu: (x: number) => x / (1 + Math.exp(-x)),
  tanh: (x: number) => Math.tanh(x),
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
} as const satisfies Record<string, (x: number) => number>

export type Activation = keyof typeof FUNCTIONS

/** The activation of every element. */
export function activate(x: Float, activation: Activation): Float {
  const { tensor, data } = output(x.shape)
  const source = rowMajor(x)
  const apply: (x: number) => number = FUNCTIONS[activation]
  for (let i = 0; i < data.length; i++) data[i] = apply(source[i])
  return tensor
}

/**
 * Error function, to double precision: erf(x) = 2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1·3·5…(2n+1)), whose terms are all positive
 * (Abramowitz and Stegun 7.1.6). From |x| = 6 on it is ±1 in double precision.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}
