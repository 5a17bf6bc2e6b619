/**
 * Long runs and the event loop. Kernels that compute where they are called resolve as microtasks, which let no timer, click,
 * repaint or SIGINT through; an AbortSignal could not even fire. So every long run stops for a moment between its steps.
 */
import { AbortedError } from './errors.js'

/** Longest time without a stop, in milliseconds: a person does not notice it, and the stops cost nothing beside it. */
const LONGEST = 50

let lastStop = 0

/**
 * Lets the event loop turn, if it has not for a while, and then heeds the signal. Called between the steps of every long run.
 * @throws AbortedError
 */
export async function checkpoint(signal: AbortSignal | undefined, what: string): Promise<void> {
  if (performance.now() - lastStop > LONGEST) {
    await new Promise((resolve) => setTimeout(resolve))
    lastStop = performance.now()
  }
  if (signal?.aborted) throw new AbortedError(what, signal.reason)
}
