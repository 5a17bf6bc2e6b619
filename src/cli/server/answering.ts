/**
 * Answers from a thread of its own, so that the server hears its clients whatever is computed. A thread that had to be ended, or ended by
 * itself, is followed by another; the models are loaded again only when the memory of the old one is free.
 */
import type { Worker } from 'node:worker_threads'
import { AbortedError, GlassformerError } from '../../errors.js'
import { AnswerThread, type ThreadOptions } from './answer-thread.js'
import type { Answers, Facts, Job, JobOptions } from './answers.js'
import { HttpError, RETRY_SECONDS } from './http-error.js'

/** Most time in which models are loaded again: a minute, or some times what it took at the start. */
const LOAD_MILLISECONDS = 60_000
const LOAD_TIMES = 3

export interface AnsweringOptions extends Pick<ThreadOptions, 'grace'> {
  readonly startWorker: () => Worker
  /** Of the first thread. */
  readonly onProgress?: (label: string, done: number, total: number) => void
  /** Ends the loading of the first thread. */
  readonly signal?: AbortSignal
  /** Given what no request is told of: a thread that ended without a question, or that cannot be started again. */
  readonly onTrouble: (error: Error) => void
  /** Called when another thread answers. */
  readonly onReplaced?: () => void
}

export class Answering implements Answers {
  readonly facts: Facts
  readonly #options: AnsweringOptions
  readonly #mostMilliseconds: number
  #thread: AnswerThread | undefined
  #loading: Promise<AnswerThread> | undefined
  #loadedMilliseconds = 0
  #loadingSince = 0
  #hasFailed = false
  #isClosed = false

  private constructor(thread: AnswerThread, facts: Facts, options: AnsweringOptions, milliseconds: number) {
    this.#thread = thread
    this.facts = facts
    this.#options = options
    this.#mostMilliseconds = Math.max(LOAD_MILLISECONDS, LOAD_TIMES * milliseconds)
  }

  /** Resolves when the models are loaded. @throws what the loading throws, as HttpError; AbortedError */
  static async start(options: AnsweringOptions): Promise<Answering> {
    const { startWorker, grace, onProgress, signal, onTrouble } = options
    if (signal?.aborted) throw new AbortedError('the loading of the models', signal.reason)
    const begun = performance.now()
    const thread = new AnswerThread(startWorker(), { grace, onProgress, onCrash: onTrouble })
    const stop = () => void thread.end()
    signal?.addEventListener('abort', stop)
    try {
      const facts = await thread.ready
      return new Answering(thread, facts, options, performance.now() - begun)
    } catch (error) {
      await thread.end()
      throw signal?.aborted ? new AbortedError('the loading of the models', signal.reason) : error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  get status(): Answers['status'] {
    if (this.#loading) return 'loading'
    return this.#hasFailed ? 'failed' : 'ok'
  }

  get loadingMilliseconds(): number {
    return this.#loadedMilliseconds + (this.#loading ? performance.now() - this.#loadingSince : 0)
  }

  async run(job: Job, options: JobOptions): Promise<string> {
    if (this.#isClosed) throw new AbortedError('the question')
    const thread = await unlessAborted(this.#whenLoaded(), options.signal)
    try {
      return await thread.run(job, options)
    } catch (error) {
      if (leavesDoubt(error)) await thread.end()
      throw error
    } finally {
      if (thread.hasEnded && !this.#isClosed) this.#whenLoaded().catch(() => {}) // the next one has less to wait for
    }
  }

  /** Ends what is computed and gives back what the thread holds. Takes a quarter of a second at most. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#thread?.close()
  }

  #whenLoaded(): Promise<AnswerThread> {
    if (this.#loading) return this.#loading
    const thread = this.#thread
    if (thread && !thread.hasEnded) return Promise.resolve(thread)
    this.#loadingSince = performance.now()
    this.#loading = this.#load().finally(() => {
      this.#loadedMilliseconds += performance.now() - this.#loadingSince
      this.#loading = undefined
    })
    return this.#loading
  }

  /** @throws HttpError 503 */
  async #load(): Promise<AnswerThread> {
    const { startWorker, grace, onTrouble, onReplaced } = this.#options
    const thread = new AnswerThread(startWorker(), { grace, onCrash: onTrouble })
    this.#thread = thread
    const limit = setTimeout(() => void thread.end(), this.#mostMilliseconds)
    try {
      await thread.ready
      this.#hasFailed = false
      onReplaced?.()
      return thread
    } catch (error) {
      this.#hasFailed = true
      await thread.end()
      if (!this.#isClosed) onTrouble(error as Error)
      const message = 'the models or the passages cannot be loaded again; the output of the server says why'
      throw new HttpError(503, 'not-ready', message, { 'Retry-After': String(RETRY_SECONDS) })
    } finally {
      clearTimeout(limit)
    }
  }
}

/** Whether nobody knows in what state the error leaves the models and their memory. */
function leavesDoubt(error: unknown): boolean {
  if (!(error instanceof GlassformerError)) return true
  return error.code === 'thread-failed' || error.code === 'out-of-memory'
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(new AbortedError('the question', signal.reason))
    if (signal.aborted) return leave()
    signal.addEventListener('abort', leave)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
