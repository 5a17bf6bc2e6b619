/**
 * The two normalisation layers: LayerNorm (BERT, BART, GPT-2) and RMSNorm (T5, Llama). Both divide by the size of x. With `frozenAt` they
 * divide by the size of that tensor instead; then what is left is linear in x, but for LayerNorm's shift, and a sum can be taken apart.
 */
import { layerNorm, rmsNorm, type Float } from '../tensor/ops/index.js'
import type { Pass } from './pass.js'
import type { Parameter, WeightScope } from './weights.js'

export interface NormOptions {
  readonly dimension: number
  readonly epsilon: number
  /** Added to the gain of an RMSNorm: 1 in Gemma, whose files hold how far the gain is from 1. */
  readonly gainOffset?: number
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

  /** @param frozenAt broadcasts to the shape of x */
  forward(x: Float, { kernels }: Pass, frozenAt?: Float): Float {
    const [gain, shift] = [this.#gain.value, this.#shift.value]
    if (!frozenAt) return kernels.layerNorm(x, gain, shift, this.#epsilon)
    return layerNorm(x, gain, shift, this.#epsilon, frozenAt.broadcastTo(x.shape))
  }
}

/** [..., dimension] -> [..., dimension], mean square 1 before the gain; no mean is taken off and nothing is added. */
export class RMSNorm {
  readonly #gain: Parameter<Float>
  readonly #epsilon: number

  constructor(weights: WeightScope, { dimension, epsilon, gainOffset }: NormOptions) {
    this.#gain = weights.vector('weight', [dimension], gainOffset)
    this.#epsilon = epsilon
  }

  /** @param frozenAt broadcasts to the shape of x */
  forward(x: Float, { kernels }: Pass, frozenAt?: Float): Float {
    if (!frozenAt) return kernels.rmsNorm(x, this.#gain.value, this.#epsilon)
    return rmsNorm(x, this.#gain.value, this.#epsilon, frozenAt.broadcastTo(x.shape))
  }
}
