/**
 * The passages that the server gives out by themselves. They are read here, not in the thread that answers, so that they do not wait for what is
 * computed there.
 */
import type { Passage } from '../../rag/index.js'
import type { Passages } from '../pipeline.js'
import { AskQueue } from './ask-queue.js'

/** Most requests that wait for a passage. */
const WAITING = 256

/** The passages as they were opened once, and who reads them now. */
interface Held {
  readonly passages: Passages
  users: number
}

export class ServedPassages {
  readonly #open: () => Promise<Passages>
  #held: Held
  /** One at a time: the first look into a file reads all of its ids. */
  readonly #queue = new AskQueue(WAITING, 'requests')
  #counting: Promise<number> | undefined

  private constructor(open: () => Promise<Passages>, passages: Passages) {
    this.#open = open
    this.#held = { passages, users: 0 }
  }

  static async open(open: () => Promise<Passages>): Promise<ServedPassages> {
    return new ServedPassages(open, await open())
  }

  /** Their number. Whoever asks while they are counted gets the same. */
  size(): Promise<number> {
    this.#counting ??= this.#using((passages) => passages.size()).finally(() => (this.#counting = undefined))
    return this.#counting
  }

  /** The passage of an id. @throws HttpError 503 when too many wait; AbortedError */
  find(id: string, signal: AbortSignal): Promise<Passage | undefined> {
    return this.#queue.run(() => this.#using((passages) => passages.passage(id, { signal })), signal)
  }

  /** Opens them anew, for a file may have another in its place, from which the next thread answers. */
  async reopen(): Promise<void> {
    const old = this.#held
    this.#held = { passages: await this.#open(), users: 0 }
    if (old.users === 0) await old.passages.close()
  }

  async close(): Promise<void> {
    await this.#held.passages.close()
  }

  async #using<T>(use: (passages: Passages) => Promise<T>): Promise<T> {
    const held = this.#held
    held.users++
    try {
      return await use(held.passages)
    } finally {
      held.users--
      if (held.users === 0 && held !== this.#held) await held.passages.close()
    }
  }
}
