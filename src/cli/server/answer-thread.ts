/**
 * A thread with the models, from outside. A job in it is cancelled by a message; when the thread does not heed that, because it is in the midst of
 * one long call, the thread is ended.
 */
import { Worker } from 'node:worker_threads'
import { AbortedError } from '../../errors.js'
import { typeScriptProgram } from '../../files/typescript-worker.js'
import type { Arguments } from '../arguments.js'
import { fromFailure, type Facts, type FromThread, type Job, type JobOptions, type ToThread } from './answers.js'
import { HttpError } from './http-error.js'

/** The end of a thread takes up to 100 milliseconds more. */
const GRACE = 120
/** Milliseconds in which a thread that is closed may give back what it holds elsewhere. */
const CLOSING = 60

/** Starts a thread that answers as the options of the command say. */
export function startAnswerWorker(options: Arguments['options']): Worker {
  const given = { workerData: options, execArgv: [] } // the program's own options are not for it
  return import.meta.url.endsWith('.ts')
    ? new Worker(typeScriptProgram(import.meta.url.replace('-thread.ts', '-worker.ts')), { ...given, eval: true })
    : new Worker(new URL('./answer-worker.js', import.meta.url), given)
}

export interface ThreadOptions {
  /** Milliseconds in which a job has to end when it is cancelled; 120 unless told. */
  readonly grace?: number
  readonly onProgress?: (label: string, done: number, total: number) => void
  /** It ended while it had nothing to do. */
  readonly onCrash: (reason: Error) => void
}

interface Running {
  readonly id: number
  readonly onText: (text: string) => void
  readonly resolve: (json: string) => void
  readonly reject: (reason: Error) => void
}

export class AnswerThread {
  /** Resolves when it can be asked. */
  readonly ready: Promise<Facts>
  /** Resolves when it is gone, with its memory and its own threads. */
  readonly ended: Promise<void>
  hasEnded = false
  readonly #worker: Worker
  readonly #options: ThreadOptions
  readonly #grace: number
  #running: Running | undefined
  #jobs = 0
  #isUnwanted = false
  #becomeReady!: (facts: Facts) => void
  #failToLoad!: (reason: Error) => void
  #isReady = false

  constructor(worker: Worker, options: ThreadOptions) {
    this.#worker = worker
    this.#options = options
    this.#grace = options.grace ?? GRACE
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve
      this.#failToLoad = reject
    })
    this.ready.catch(() => {}) // whoever ends it before may not be waiting
    worker.on('message', (message: FromThread) => this.#receive(message))
    worker.on('error', (error: NodeJS.ErrnoException) => this.#fail(explained(error)))
    this.ended = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.hasEnded = true
        this.#fail(new Error(`the thread that answers has ended with code ${code}`))
        resolve()
      })
    })
  }

  /** @throws AbortedError when the signal ended the job; then nothing of it is computed any more, and the thread may have ended */
  async run(job: Job, { signal, onText }: JobOptions): Promise<string> {
    const cancelled = () => new AbortedError('the question', signal.reason)
    if (signal.aborted) throw cancelled()
    const id = ++this.#jobs
    let grace: NodeJS.Timeout | undefined
    const cancel = () => {
      this.#post({ type: 'cancel', id })
      grace = setTimeout(() => void this.end(), this.#grace)
    }
    signal.addEventListener('abort', cancel)
    try {
      const json = await new Promise<string>((resolve, reject) => {
        this.#running = { id, resolve, reject, onText: (text) => void (signal.aborted || onText(text)) }
        this.#post({ type: 'run', id, job })
      })
      if (signal.aborted) throw cancelled()
      return json
    } catch (error) {
      throw signal.aborted ? cancelled() : error
    } finally {
      this.#running = undefined
      clearTimeout(grace)
      signal.removeEventListener('abort', cancel)
    }
  }

  /** Lets it give back what it holds elsewhere, such as connections to a database, and ends it in any case. */
  async close(): Promise<void> {
    this.#isUnwanted = true
    if (this.#isReady) this.#post({ type: 'close' })
    const grace = setTimeout(() => void this.end(), this.#isReady ? CLOSING : 0)
    await this.ended
    clearTimeout(grace)
  }

  /** Ends it at once, whatever it does. */
  async end(): Promise<void> {
    this.#isUnwanted = true
    await this.#worker.terminate()
    await this.ended
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message)
  }

  #receive(message: FromThread): void {
    if (message.type === 'progress') this.#options.onProgress?.(message.label, message.done, message.total)
    else if (message.type === 'ready') {
      this.#isReady = true
      this.#becomeReady(message.facts)
    } else if (message.type === 'not-ready') this.#failToLoad(fromFailure(message.failure))
    else if (message.id !== this.#running?.id) return
    else if (message.type === 'text') this.#running.onText(message.text)
    else if (message.type === 'done') this.#running.resolve(message.json)
    else this.#running.reject(fromFailure(message.failure))
  }

  #fail(reason: Error): void {
    this.#failToLoad(reason)
    if (this.#running) this.#running.reject(reason)
    else if (this.#isReady && !this.#isUnwanted) this.#options.onCrash(reason)
    this.#isUnwanted = true // said once
  }
}

function explained(error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return error
  return new HttpError(500, 'out-of-memory', 'the question takes more memory than there is; ask for fewer passages')
}
