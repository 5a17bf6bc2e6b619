import { expect, test, vi } from 'vitest'
import { AbortedError } from '../../../src/errors.js'
import { SharedWork } from '../../../src/rag/stores/shared-work.js'

/** Work that ends when it is told to, and knows its signal. */
function steered() {
  const signals: AbortSignal[] = []
  const ends: ((result: string) => void)[] = []
  const begin = vi.fn(
    (signal: AbortSignal) =>
      new Promise<string>((resolve, reject) => {
        signals.push(signal)
        ends.push(resolve)
        signal.addEventListener('abort', () => reject(new AbortedError('the work')))
      }),
  )
  return { work: new SharedWork('the opening', begin), begin, signals, ends }
}

test('who gives up leaves the work to the others', async () => {
  const { work, begin, signals, ends } = steered()
  const controller = new AbortController()
  const [first, second] = [work.result(controller.signal), work.result()]
  controller.abort()
  await expect(first).rejects.toThrow('the opening was cancelled')
  expect(signals[0].aborted).toBe(false)
  ends[0]('opened')
  expect(await second).toBe('opened')
  expect(await work.result()).toBe('opened')
  expect(work.done).toBe('opened')
  expect(begin).toHaveBeenCalledTimes(1)
})

test('when all have given up it is cancelled, and the next to come begins it anew', async () => {
  const { work, begin, signals, ends } = steered()
  const controller = new AbortController()
  const both = [work.result(controller.signal), work.result(controller.signal)]
  controller.abort()
  for (const one of both) await expect(one).rejects.toThrow(AbortedError)
  expect(signals[0].aborted).toBe(true)
  const again = work.result()
  ends[1]('opened')
  expect(await again).toBe('opened')
  expect(begin).toHaveBeenCalledTimes(2)
})

test('work that fails is begun anew, and told to who waited', async () => {
  const work = new SharedWork('the opening', vi.fn(async () => 'opened').mockRejectedValueOnce(new Error('damaged')))
  await expect(work.result()).rejects.toThrow('damaged')
  expect(await work.result()).toBe('opened')
})
