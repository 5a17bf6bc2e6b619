/**
 * A linear layer: x weight^T + bias, with an activation fused where the caller wants one.
 */
import type { Activation, Float } from '../tensor/ops/index.js'
import type { PackedMatrix } from '../backends/index.js'
import type { Pass } from './pass.js'
import type { Parameter, WeightScope } from './weights.js'

export interface LinearOptions {
  readonly inFeatures: number
  readonly outFeatures: number
  readonly bias: boolean
  /** Whether the file holds [in, out] in place of [out, in], as GPT-2's Conv1D does. */
  readonly transposed?: boolean
}

export class Linear {
  readonly #weight: Parameter<PackedMatrix>

  constructor(weights: WeightScope, { inFeatures, outFeatures, bias, transposed }: LinearOptions) {
    this.#weight = weights.matrix('weight', [outFeatures, inFeatures], {
      use: 'linear',
      bias: bias ? 'bias' : undefined,
      transposed,
    })
  }

  /** [..., inFeatures] -> [..., outFeatures] */
  forward(x: Float, { kernels }: Pass, activation?: Activation): Promise<Float> {
    return kernels.linear(x, this.#weight.value, activation)
  }
}
