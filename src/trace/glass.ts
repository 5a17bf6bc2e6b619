/**
 * Glass: the one thing that layers and attention know about being watched. A layer shows each intermediate tensor at its
 * hook point and goes on with what it gets back; who looks, and what for, is none of its business.
 */
import type { Float } from '../tensor/ops/index.js'

/** A size that is known when the model is loaded, or the name of one that depends on the input. */
export type HookDimension = number | 'batch' | 'query' | 'key'

/** A place in the forward pass where a tensor can be read or replaced. */
export interface HookPoint {
  /** Stable dotted path: `encoder.2.self_attention.probs`. */
  readonly name: string
  readonly shape: readonly HookDimension[]
  /** At the scores of an attention: what q · k was multiplied with before a position bias and masks were added. */
  readonly scale?: number
}

export interface Glass {
  /** Whether someone looks here. Fused kernels stay fused where nobody does. */
  watches(point: HookPoint): boolean
  /** Shows the tensor; returns it, or what was put in its place. */
  show(point: HookPoint, tensor: Float): Promise<Float>
}

/** Nobody looks. */
export const CLEAR: Glass = {
  watches: () => false,
  show: async (_point, tensor) => tensor,
}

export function hookPoint(
  name: string,
  shape: readonly HookDimension[],
  more: Pick<HookPoint, 'scale'> = {},
): HookPoint {
  return { name, shape, ...more }
}
