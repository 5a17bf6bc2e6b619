/**
 * What a panel asks the engine for: while the next value is on its way the last one stays, marked as stale, so that nothing jumps.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { messageOf } from './trouble.js'

export interface Resource<T> {
  readonly value: T | undefined
  readonly stale: boolean
  readonly error: string | undefined
}

/** Asks anew whenever one of `inputs` changes; `ask` may say that there is nothing to ask by returning undefined. */
export function useResource<T>(
  ask: (signal: AbortSignal) => Promise<T> | undefined,
  inputs: readonly unknown[],
): Resource<T> {
  const [resource, setResource] = useState<Resource<T>>({ value: undefined, stale: true, error: undefined })
  const last = useRef<T | undefined>(undefined)
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const asked = ask(signal)
    if (!asked) {
      last.current = undefined
      setResource({ value: undefined, stale: false, error: undefined })
      return
    }
    setResource({ value: last.current, stale: true, error: undefined })
    asked.then(
      (value) => {
        if (signal.aborted) return
        last.current = value
        setResource({ value, stale: false, error: undefined })
      },
      (error: unknown) => {
        if (signal.aborted || isAbort(error)) return
        setResource({ value: last.current, stale: false, error: messageOf(error) })
      },
    )
    return () => controller.abort()
    // `ask` is made anew on each drawing; `inputs` say when it means something new
  }, inputs)
  return resource
}

/** A question that an edit has overtaken; the next one is on its way. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
