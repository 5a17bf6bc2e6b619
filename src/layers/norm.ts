/**
 * The two normalisation layers: LayerNorm (BERT, BART, GPT-2) and RMSNorm (T5, Llama).
 */
import type { Float } from '../tensor/ops/index.js'
import type { Pass } from './pass.js'
import type { Parameter, WeightScope } from './weights.js'

export interface NormOptions {
  readonly dimension: number
  readonly epsilon: number
}

/** [..., dimension] -> [..., dimension], mean 0 and variance 1 before gain and shift. */
export class LayerNorm {
  readonly #gain: Parameter<Float>
  readonly #shift: Parameter<Float>
  readonly #epsilon: number

  constructor(weights: WeightScope, { dimension, epsilon }: NormOptions) {
    // TensorFlow's names live on in the first checkpoints, bert-base-uncased among them.
    const [gain, shift] = weights.has('gamma') ? ['gamma', 'beta'] : ['weight', 'bias']
    this.#gain = weights.vector(gain, [dimension])
    this.#shift = weights.vector(shift, [dimension])
    this.#epsilon = epsilon
  }

  forward(x: Float, { kernels }: Pass): Float {
    return kernels.layerNorm(x, this.#gain.value, this.#shift.value, this.#epsilon)
  }
}

/** [..., dimension] -> [..., dimension], mean square 1 before the gain; no mean is taken off and nothing is added. */
export class RMSNorm {
  readonly #gain: Parameter<Float>
  readonly #epsilon: number

  constructor(weights: WeightScope, { dimension, epsilon }: NormOptions) {
    this.#gain = weights.vector('weight', [dimension])
    this.#epsilon = epsilon
  }

  forward(x: Float, { kernels }: Pass): Float {
    return kernels.rmsNorm(x, this.#gain.value, this.#epsilon)
  }
}
