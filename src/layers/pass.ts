/**
 * Pass: what a layer's forward gets beside its input. The kernels to compute with, whose results live as long as the scope
 * they were made in, and the glass through which the intermediate tensors are watched.
 */
import type { Backend, Kernels } from '../backends/index.js'
import { checkpoint } from '../event-loop.js'
import type { Float } from '../tensor/ops/index.js'
import { CLEAR, type Glass, type HookPoint } from '../trace/glass.js'

export class Pass {
  readonly kernels: Kernels
  readonly #glass: Glass
  readonly #signal: AbortSignal | undefined

  private constructor(kernels: Kernels, glass: Glass, signal: AbortSignal | undefined) {
    this.kernels = kernels
    this.#glass = glass
    this.#signal = signal
  }

  /**
   * Runs one pass on a backend. `part` returns what outlives the pass, each tensor through `keep`.
   * @throws AbortedError when the signal fires
   */
  static run<T>(
    backend: Backend,
    { glass = CLEAR, signal }: { readonly glass?: Glass; readonly signal?: AbortSignal },
    part: (pass: Pass, keep: (tensor: Float) => Float) => Promise<T>,
  ): Promise<T> {
    return backend.run(({ kernels, keep }) => part(new Pass(kernels, glass, signal), keep), { signal })
  }

  /** Whether someone looks here. Fused kernels stay fused where nobody does. */
  watches(point: HookPoint): boolean {
    return this.#glass.watches(point)
  }

  /** Shows the tensor; returns it, or what was put in its place. */
  show(point: HookPoint, tensor: Float): Float | Promise<Float> {
    return this.watches(point) ? this.#showFetched(point, tensor) : tensor
  }

  /** Whoever looks reads the numbers where they are, so they must have come from the device. */
  async #showFetched(point: HookPoint, tensor: Float): Promise<Float> {
    await this.kernels.fetch(tensor)
    return this.#glass.show(point, tensor)
  }

  /** Runs a layer, whose intermediate tensors are given back at its end. Its result takes the place of x. */
  async layer(x: Float, forward: (x: Float, pass: Pass) => Promise<Float>): Promise<Float> {
    await checkpoint(this.#signal, 'the forward pass')
    return this.kernels.scope(x, (x, kernels) => forward(x, new Pass(kernels, this.#glass, this.#signal)))
  }
}
