import { describe, expect, test } from 'vitest'
import { AbortedError } from '../src/errors.js'
import { untilAborted } from '../src/event-loop.js'

const never = new Promise<never>(() => {})

describe('waiting for what has no signal of its own', () => {
  test('ends when the signal fires, at once or when the grace is over', async () => {
    for (const grace of [0, 1]) {
      const controller = new AbortController()
      const waiting = untilAborted(never, controller.signal, 'the search', { grace })
      controller.abort(new Error('enough'))
      const error: unknown = await waiting.catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(AbortedError)
      expect((error as AbortedError).message).toBe('the search was cancelled')
      expect((error as AbortedError).cause).toEqual(new Error('enough'))
    }
  })

  test('a signal that has fired before ends it, too', async () => {
    await expect(untilAborted(never, AbortSignal.abort(), 'the search')).rejects.toThrow(AbortedError)
  })

  test('gives what was waited for, also within the grace', async () => {
    const controller = new AbortController()
    expect(await untilAborted(Promise.resolve(1), controller.signal, 'the search')).toBe(1)
    await expect(untilAborted(Promise.reject(new Error('no')), controller.signal, 'it')).rejects.toThrow('no')
    const work = new Promise<number>((resolve) => setTimeout(() => resolve(2)))
    const waiting = untilAborted(work, controller.signal, 'the search', { grace: 60_000 })
    controller.abort()
    expect(await waiting).toBe(2)
  })
})
