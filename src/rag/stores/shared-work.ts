/**
 * Work that several wait for, such as the opening of an index for its first searches: it is done once, and whoever gives up leaves it to the others. When
 * all have given up it is cancelled, and the next to come begins it anew.
 */
import { untilAborted } from '../../event-loop.js'

export class SharedWork<T> {
  readonly #begin: (signal: AbortSignal) => Promise<T>
  readonly #what: string
  #running: { readonly work: Promise<T>; readonly controller: AbortController; waiting: number } | undefined
  #done: T | undefined

  /** @param what for errors: what is being done */
  constructor(what: string, begin: (signal: AbortSignal) => Promise<T>) {
    this.#what = what
    this.#begin = begin
  }

  /** The result; undefined until it is there. */
  get done(): T | undefined {
    return this.#done
  }

  /** @throws AbortedError when the caller's signal fires, and what the work throws */
  async result(signal?: AbortSignal): Promise<T> {
    if (this.#done !== undefined) return this.#done
    const running = (this.#running ??= this.#start())
    running.waiting++
    try {
      return await untilAborted(running.work, signal, this.#what)
    } finally {
      if (--running.waiting === 0 && this.#done === undefined) {
        running.controller.abort()
        if (this.#running === running) this.#running = undefined
      }
    }
  }

  /** Cancels what is running, and waits for its end. */
  async cancel(): Promise<void> {
    this.#running?.controller.abort()
    await this.#running?.work.catch(() => undefined)
  }

  #start() {
    const controller = new AbortController()
    const work = this.#begin(controller.signal)
    void work.then(
      (result) => (this.#done = result),
      () => undefined, // those who wait are told
    )
    return { work, controller, waiting: 0 }
  }
}
