/**
 * Rotary positions for multi-head attention: queries and keys are turned by their position before the dot product, so that
 * the score depends on the distance between them. A model makes the table of angles once for a pass, and each of its layers
 * turns by it. The formulas are in tensor/ops/rotary.ts.
 */
import { rotaryFrequencies, rotaryTable, type Ids, type Llama3Scaling, type RotaryTable } from '../tensor/ops/index.js'

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

  /** Cosines and sines for positions [batch or 1, seq]. */
  table(positions: Ids): RotaryTable {
    return rotaryTable(positions, this.#frequencies)
  }
}
