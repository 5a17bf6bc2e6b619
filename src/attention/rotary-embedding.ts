/**
 * Rotary positions for multi-head attention: queries and keys are turned by their position before the dot product, so that
 * the score depends on the distance between them. A model makes the table of angles once for a pass, and each of its layers
 * turns by it. The formulas are in tensor/ops/rotary.ts.
 */
import { rotaryFrequencies, rotaryTable, type Ids, type RotaryScaling, type RotaryTable } from '../tensor/ops/index.js'

export interface RotaryOptions {
  readonly headDim: number
  /** Base of the frequencies, `rope_theta`. */
  readonly theta: number
  readonly scaling?: RotaryScaling
}

export class RotaryEmbedding {
  readonly #options: RotaryOptions
  /** Made when they are asked for, since a wrong config is found out only when it is compared with the weights. [headDim / 2] */
  #frequencies: Float32Array | undefined

  constructor(options: RotaryOptions) {
    this.#options = options
  }

  /** Cosines and sines for positions [batch or 1, seq]. */
  table(positions: Ids): RotaryTable {
    const { headDim, theta, scaling } = this.#options
    this.#frequencies ??= rotaryFrequencies(headDim, theta, scaling)
    return rotaryTable(positions, this.#frequencies)
  }
}
