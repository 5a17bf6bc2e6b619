/**
 * The feed-forward block of a transformer layer: up to a wider space, an activation, and down again, for each position alone. The
 * gated form multiplies the activated projection with a second, linear one (Shazeer 2020, https://arxiv.org/abs/2002.05202).
 */
import type { Activation, Float } from '../tensor/ops/index.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import { Linear } from './linear.js'
import type { Pass } from './pass.js'
import type { WeightScope } from './weights.js'

export interface FeedForwardOptions {
  readonly dimension: number
  readonly hiddenDimension: number
  readonly activation: Activation
  readonly bias: boolean
  /** See {@link LinearOptions}. */
  readonly transposed?: boolean
  /** The weights' names under the scope; `gate` is the activated projection of the gated form. */
  readonly names: { readonly up: string; readonly down: string; readonly gate?: string }
}

export class FeedForward {
  readonly #activation: Activation
  readonly #up: Linear
  readonly #gate: Linear | undefined
  readonly #down: Linear
  readonly #points

  constructor(name: string, weights: WeightScope, options: FeedForwardOptions) {
    const { dimension, hiddenDimension, activation, bias, transposed, names } = options
    const wider = { inFeatures: dimension, outFeatures: hiddenDimension, bias, transposed }
    const narrower = { inFeatures: hiddenDimension, outFeatures: dimension, bias, transposed }
    this.#activation = activation
    this.#gate = names.gate === undefined ? undefined : new Linear(weights.scope(names.gate), wider)
    this.#up = new Linear(weights.scope(names.up), wider)
    this.#down = new Linear(weights.scope(names.down), narrower)
    const wide = ['batch', 'query', hiddenDimension] as const
    this.#points = {
      pre: hookPoint(`${name}.pre`, wide),
      up: hookPoint(`${name}.up`, wide),
      hidden: hookPoint(`${name}.hidden`, wide),
      out: hookPoint(`${name}.out`, ['batch', 'query', dimension]),
    }
  }

  hookPoints(): HookPoint[] {
    const { pre, up, hidden, out } = this.#points
    return this.#gate ? [pre, up, hidden, out] : [pre, hidden, out]
  }

  /** [batch, query, dimension] -> [batch, query, dimension] */
  async forward(x: Float, pass: Pass): Promise<Float> {
    const activated = await this.#activated(this.#gate ?? this.#up, x, pass) // [batch, query, hidden]
    let hidden = activated
    if (this.#gate) {
      const up = await pass.show(this.#points.up, await this.#up.forward(x, pass)) // [batch, query, hidden]
      hidden = pass.kernels.multiply(activated, up)
    }
    hidden = await pass.show(this.#points.hidden, hidden)
    return pass.show(this.#points.out, await this.#down.forward(hidden, pass))
  }

  /** Projection and activation are one kernel unless someone looks between them. */
  async #activated(projection: Linear, x: Float, pass: Pass): Promise<Float> {
    if (!pass.watches(this.#points.pre)) return projection.forward(x, pass, this.#activation)
    return pass.kernels.activate(await pass.show(this.#points.pre, await projection.forward(x, pass)), this.#activation)
  }
}
