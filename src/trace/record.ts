/**
 * Recording: run something and keep the tensors that passed some hook points.
 */
import type { Float } from '../tensor/ops/index.js'
import type { HookPoint } from './glass.js'
import type { Hooks } from './hooks.js'

/** For each hook point, the tensors in the order in which they passed: one for a forward pass, one a step for a generation. */
export type Trace = ReadonlyMap<string, readonly Float[]>

/**
 * Runs `run` with hooks that copy every tensor at the points that `patterns` name.
 * The hooks are handed to `run` and not set globally, so that two runs at the same time do not see each other:
 * `record((hooks) => model.generate(inputs, { hooks }), ['decoder.*.cross_attention.probs'])`.
 */
export async function record<T>(
  run: (hooks: Hooks) => Promise<T>,
  patterns: readonly string[],
): Promise<{ output: T; trace: Trace }> {
  const trace = new Map<string, Float[]>()
  const recorder = new Map<string, string>() // by point, the pattern that records it: two patterns may name the same point
  const hooks = Object.fromEntries(
    patterns.map((pattern) => [
      pattern,
      (tensor: Float, { name }: HookPoint) => {
        if (!recorder.has(name)) recorder.set(name, pattern)
        if (recorder.get(name) !== pattern) return
        const tensors = trace.get(name)
        if (tensors) tensors.push(tensor.copy())
        else trace.set(name, [tensor.copy()])
      },
    ]),
  )
  return { output: await run(hooks), trace }
}
