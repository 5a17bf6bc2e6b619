/**
 * Stepping: a run that stops at hook points until it is told to go on, as a debugger stops at breakpoints. The run is the same as ever; it
 * waits in its hooks.
 */
import { AbortedError, InputError } from '../errors.js'
import type { Float } from '../tensor/ops/index.js'
import type { DecoderStep } from './decoder-steps.js'
import type { HookPoint } from './glass.js'
import { hooksOnce, type Hooks } from './hooks.js'

/** A run that stands at a hook point: the tensor is computed, and nothing that depends on it is. */
export interface Pause {
  readonly point: HookPoint
  /** Lent until the run goes on: copy() it to keep it. */
  readonly tensor: Float
  /** The step of the generation; undefined in an encoder and in a forward pass. */
  readonly step: DecoderStep | undefined
  /**
   * Lets the run go on with another tensor of the same shape, when it goes on.
   * @throws InputError when it has gone on already
   */
  replace(tensor: Float): void
}

export interface SteppingOptions {
  /** Ends the run, at the pause where it stands or at the next point that is named. Give it to the run too, for what it computes between. */
  readonly signal?: AbortSignal
}

/** A hook that waits. */
interface Waiting {
  readonly pause: Pause
  goOn(): void
  stop(error: Error): void
}

/**
 * Runs `run` and pauses at every tensor of the points that `patterns` name; asking for the next pause lets it go on:
 * `for await (const { point, tensor, replace } of step((hooks) => model.generate(inputs, { hooks }), ['decoder.*.probs']))`.
 * Leaving the loop, or `return()`, ends the run with an AbortedError and waits until it has ended. What `run` returns is the value of
 * the iterator's end.
 * @throws whatever `run` throws; AbortedError when the signal fires
 */
export async function* step<T>(
  run: (hooks: Hooks) => Promise<T>,
  patterns: readonly string[],
  { signal }: SteppingOptions = {},
): AsyncGenerator<Pause, T, void> {
  if (signal?.aborted) throw stopped(signal)
  const waiting: Waiting[] = []
  let isStopped = false
  let wake: () => void = () => {}
  const onAbort = () => wake()
  signal?.addEventListener('abort', onAbort)
  const hooks = hooksOnce(patterns, (tensor, point, step) => {
    if (isStopped) throw stopped(signal)
    return new Promise<Float | undefined>((resolve, reject) => {
      let replacement: Float | undefined
      let isOver = false
      const replace = (by: Float) => {
        if (isOver) throw new InputError('too-late', `step: the run has gone on from ${point.name}`)
        replacement = by
      }
      const end = (settle: () => void) => {
        isOver = true
        settle()
      }
      waiting.push({
        pause: { point, tensor, step, replace },
        goOn: () => end(() => resolve(replacement)),
        stop: (error) => end(() => reject(error)),
      })
      wake()
    })
  })

  let isOver = false
  const finished = run(hooks).finally(() => {
    isOver = true
    wake()
  })
  finished.catch(() => {}) // thrown below, where it is awaited
  try {
    for (;;) {
      while (waiting.length === 0 && !isOver && !signal?.aborted) await new Promise<void>((resolve) => (wake = resolve))
      if (waiting.length === 0 && isOver) return await finished
      if (signal?.aborted) throw stopped(signal)
      yield waiting[0].pause
      if (signal?.aborted) throw stopped(signal)
      waiting.shift()!.goOn()
    }
  } finally {
    isStopped = true
    signal?.removeEventListener('abort', onAbort)
    for (const one of waiting.splice(0)) one.stop(stopped(signal))
    await finished.catch(() => {})
  }
}

function stopped(signal: AbortSignal | undefined): AbortedError {
  return new AbortedError('the run that was stepped through', signal?.reason)
}
