/**
 * The worker's end of the messages: calls run one after the other, so that no model is replaced under a run; one that was cancelled
 * while it waited does not start.
 */
import { AbortedError } from 'glassformer'
import { buffersIn, sendError, type FromWorker, type ToWorker } from './messages.js'
import type { Implementation, MethodName } from './methods.js'

/** What the worker's global scope is used for. */
interface Port {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null
  postMessage(message: FromWorker, options?: { readonly transfer: Transferable[] }): void
}

/** Answers calls with these methods. Typed arrays in a result are handed over, so a method returns none that it keeps. */
export function serve(port: Port, methods: Implementation): void {
  const running = new Map<number, AbortController>()
  let last: Promise<void> = Promise.resolve()

  async function run(id: number, method: MethodName, args: readonly unknown[]): Promise<void> {
    const { signal } = running.get(id)!
    const report = (value: unknown) => port.postMessage({ kind: 'report', id, value })
    const call = methods[method] as (args: unknown, context: object) => Promise<unknown>
    try {
      if (signal.aborted) throw new AbortedError(`"${method}"`)
      const value = await call(args, { report, signal })
      port.postMessage({ kind: 'result', id, value }, { transfer: [...buffersIn(value)] })
    } catch (error) {
      port.postMessage({ kind: 'error', id, error: sendError(error) })
    } finally {
      running.delete(id)
    }
  }

  port.onmessage = ({ data }) => {
    if (data.kind === 'cancel') return running.get(data.id)?.abort()
    const { id, method, args } = data
    running.set(id, new AbortController())
    last = last.then(() => run(id, method, args))
  }
}
