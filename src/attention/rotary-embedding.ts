/**
 * Rotary positions for multi-head attention: queries and keys are turned by their position before the dot product, so that
 * the score depends on the distance between them. The formulas are in tensor/ops/rotary.ts.
 */
import type { Pass } from '../layers/index.js'
import { rotaryFrequencies, rotaryTable, type Float, type Ids, type Llama3Scaling } from '../tensor/ops/index.js'

export interface RotaryOptions {
  readonly headDim: number
  /** Base of the frequencies, `rope_theta`. */
  readonly theta: number
  readonly scaling?: Llama3Scaling
}

export class RotaryEmbedding {
  readonly #frequencies: Float32Array // [headDim / 2]

  constructor({ headDim, theta, scaling }: RotaryOptions) {
    this.#frequencies = rotaryFrequencies(headDim, theta, scaling)
  }

  /** Queries and keys [batch, heads, seq, headDim] at positions [batch or 1, seq]. */
  forward(query: Float, key: Float, positions: Ids, { kernels }: Pass): { query: Float; key: Float } {
    const table = rotaryTable(positions, this.#frequencies)
    return { query: kernels.rotate(query, table), key: kernels.rotate(key, table) }
  }
}
