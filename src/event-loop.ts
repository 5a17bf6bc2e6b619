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

/**
 * Waits for what has no signal of its own, or others wait for too. When the signal fires, the wait ends at once, or where `grace` milliseconds
 * are given, when these are over; what was waited for goes on.
 * @throws AbortedError
 */
export function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  what: string,
  { grace = 0 }: { readonly grace?: number } = {},
): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const end = () => reject(new AbortedError(what, signal.reason))
    const onAbort = () => {
      if (grace === 0) end()
      else timer = setTimeout(end, grace)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    void work.then(resolve, reject).finally(() => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    })
  })
}
