/**
 * The engine as the page has it: calls go to the worker as messages, and each promise is settled by what comes back. A call that is
 * cancelled is rejected at once; the worker is told and stops at its next step.
 */
import { AbortedError, GlassformerError } from '../../src/errors.js'
import type { Engine } from '../protocol.js'
import { reviveError, type FromWorker, type ToWorker } from './messages.js'
import type { MethodName, Methods } from './methods.js'

interface Pending {
  readonly report: ((value: never) => void) | undefined
  readonly settle: (outcome: { readonly value: unknown } | { readonly error: Error }) => void
}

interface CallOptions<M extends MethodName> {
  readonly report?: (value: Methods[M]['report']) => void
  readonly signal?: AbortSignal
}

/** Starts the worker; `script` is its bundle. */
export function createEngine(script: URL = new URL('engine.js', import.meta.url)): Engine {
  const worker = new Worker(script, { type: 'module', name: 'engine' })
  const pending = new Map<number, Pending>()
  let tellLost: (error: Error) => void = () => {}
  let calls = 0
  let dead: Error | undefined

  function die(error: Error): void {
    dead ??= error
    for (const { settle } of pending.values()) settle({ error: dead })
  }

  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    const call = pending.get(data.id)
    if (!call) return // cancelled
    if (data.kind === 'report') call.report?.(data.value as never)
    else if (data.kind === 'result') call.settle({ value: data.value })
    else {
      const error = reviveError(data.error)
      call.settle({ error })
      if (data.error.code === 'device-lost') tellLost(error)
    }
  }
  worker.onerror = (event) => {
    event.preventDefault()
    die(
      new GlassformerError(
        'engine-died',
        `the engine stopped (${event.message ?? 'it could not start'}); reload the page`,
      ),
    )
  }
  worker.onmessageerror = () =>
    die(new GlassformerError('engine-died', 'the engine sent what the page cannot read; reload the page'))

  function call<M extends MethodName>(
    method: M,
    args: Methods[M]['args'],
    { report, signal }: CallOptions<M> = {},
  ): Promise<Methods[M]['result']> {
    return new Promise((resolve, reject) => {
      if (dead) return reject(dead)
      if (signal?.aborted) return reject(new AbortedError(`"${method}"`, signal.reason))
      const id = ++calls
      const send = (message: ToWorker) => worker.postMessage(message)
      const cancel = () => {
        send({ kind: 'cancel', id })
        settle({ error: new AbortedError(`"${method}"`, signal?.reason) })
      }
      const settle: Pending['settle'] = (outcome) => {
        pending.delete(id)
        signal?.removeEventListener('abort', cancel)
        if ('error' in outcome) reject(outcome.error)
        else resolve(outcome.value as Methods[M]['result'])
      }
      pending.set(id, { report, settle })
      signal?.addEventListener('abort', cancel)
      send({ kind: 'call', id, method, args })
    })
  }

  return {
    load: (source, backend, { onProgress, signal }) => call('load', [source, backend], { report: onProgress, signal }),
    onLost: (listener) => {
      tellLost = listener
    },
    backends: (signal) => call('backends', [], { signal }),
    kernels: (signal) => call('kernels', [], { signal }),
    walk: (scene, { onWriting, signal }) => call('walk', [scene], { report: onWriting, signal }),
    attention: (attention, passage, signal) => call('attention', [attention, passage], { signal }),
    cell: (cell, signal) => call('cell', [cell], { signal }),
    quoting: ({ onProgress, signal }) => call('quoting', [], { report: onProgress, signal }),
    spanAttention: (attention, passage, signal) => call('spanAttention', [attention, passage], { signal }),
    spanCell: (cell, signal) => call('spanCell', [cell], { signal }),
    ablation: (heads, signal) => call('ablation', [heads], { signal }),
    embed: (passage, signal) => call('embed', [passage], { signal }),
    recurrent: (text, signal) => call('recurrent', [text], { signal }),
    selfAttention: (text, attention, signal) => call('selfAttention', [text, attention], { signal }),
    modes: (signal) => call('modes', [], { signal }),
    dispose: () => {
      worker.terminate()
      die(new GlassformerError('engine-disposed', 'the engine was disposed'))
    },
  }
}
