/**
 * What can be asked of a model that predicts tokens, whatever its family: the stream of states that its layers write into, and what its
 * last norm and head read from any state of that stream. src/lens/ works on this.
 */
import type { Float } from '../tensor/ops/index.js'
import type { HookPoint } from '../trace/glass.js'
import type { RunOptions } from './model.js'

export interface LanguageModel<Inputs> {
  forward(inputs: Inputs, options?: RunOptions): Promise<{ readonly logits: Float }>
  hookPoints(): readonly HookPoint[]
  /** The states of the decoder, before each layer and after the last; each [batch, query, dimension]. */
  streamPoints(): readonly HookPoint[]
  /**
   * Whether blocks read a normed copy of the stream and add to the stream itself, which so is the sum of all that was added. A post-norm
   * layer, as in BART, norms the sum; then there is no norm before the head. Gemma 3 norms what is added, and is none of both: false.
   */
  readonly isPreNorm: boolean
  /**
   * Last norm and head on states of the stream: [batch, query, dimension] -> [batch, query, vocabulary].
   * @throws ShapeError for states of another size
   */
  unembed(stream: Float, options?: UnembedOptions): Promise<Float>
}

export interface UnembedOptions {
  /**
   * The norm divides as it divides this state, [batch or 1, query or 1, dimension]. Then the result is linear in `stream`, but for what
   * zeros give.
   */
  readonly frozenAt?: Float
  readonly signal?: AbortSignal
}
