/**
 * When a try has failed, and what is between it and the next.
 */
import { AbortedError } from '../errors.js'

const FIRST_WAIT = 500 // milliseconds, doubled each time
const LONGEST_WAIT = 60_000

/** @throws AbortedError when the signal has fired */
export function throwIfAborted(signal: AbortSignal | undefined, repository: string): void {
  if (signal?.aborted) throw new AbortedError(`the download of ${repository}`, signal.reason)
}

/** Waits before another try. @throws AbortedError */
export async function pause(milliseconds: number, signal: AbortSignal | undefined, repository: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal?.addEventListener('abort', done)
    if (signal?.aborted) done()
  })
  throwIfAborted(signal, repository)
}

/**
 * What `work` gives, if it comes in time.
 * @param work is told by its signal that nobody waits for it any more
 * @throws Error when it does not
 */
export async function inTime<T>(seconds: number, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`nothing came for ${seconds} s`)
      controller.abort(error)
      reject(error)
    }, seconds * 1000)
  })
  try {
    return await Promise.race([work(controller.signal), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Milliseconds before the next try: what the server asks for, or twice as long each time. */
export function waitFor(response: Response | undefined, tries: number): number {
  const asked = response?.headers.get('retry-after')
  const seconds = asked ? Number(asked) : NaN
  return Math.min(seconds >= 0 ? seconds * 1000 : FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)
}
