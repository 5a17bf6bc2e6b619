/**
 * Questions take turns: each is computed on all threads, so two at once would only make both late. A few may wait; who comes to a full
 * queue is sent away at once, with the advice to come again.
 */
import { AbortedError } from '../../errors.js'
import { HttpError, RETRY_SECONDS } from './http-error.js'

export class AskQueue {
  /** Most that wait. */
  readonly capacity: number
  readonly #what: string
  readonly #waiting: (() => void)[] = []
  #running = false

  constructor(capacity: number, what = 'questions') {
    this.capacity = capacity
    this.#what = what
  }

  /** Questions that are answered before one that comes now. */
  get ahead(): number {
    return this.#waiting.length + (this.#running ? 1 : 0)
  }

  /**
   * Runs a task when it is its turn.
   * @throws HttpError 503 before anything is waited for, when the queue is full; AbortedError when the signal ends the wait
   */
  run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#running && this.#waiting.length >= this.capacity) {
      const message = `${this.capacity} ${this.#what} are waiting already; ask again in a few seconds`
      throw new HttpError(503, 'busy', message, { 'Retry-After': String(RETRY_SECONDS) })
    }
    const turn = this.#running ? this.#wait(signal) : Promise.resolve()
    this.#running = true
    return turn.then(async () => {
      try {
        return await task()
      } finally {
        const next = this.#waiting.shift()
        if (next) next()
        else this.#running = false
      }
    })
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1)
        reject(new AbortedError('the question', signal.reason))
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(start)
    })
  }
}
