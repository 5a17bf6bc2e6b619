/**
 * The threads. A job (a kernel, its argument, a number of units such as panels or heads) is cut into parts; the main thread and the
 * workers take parts by an atomic counter until none is left. Between jobs a worker first spins for some microseconds, because
 * in a pass the next job comes soon, and then sleeps at no cost.
 *
 * The shared words: `job` is counted up to wake the workers, `next` is the next part to take (far beyond the last while no job
 * is open), `done` counts finished parts, `active` the workers that look at the job, `failed` is the slot of a worker whose kernel
 * trapped; the others describe the job. A job's words are only written while `next` is closed and nobody is active.
 */
import { GlassformerError } from '../../errors.js'
import type { KernelExports, SharedKernelName } from './exports.js'
import { SHARED_KERNELS } from './exports.js'

const WORDS = {
  job: 0,
  next: 16, // words that are written at the same time lie in cache lines of their own
  done: 32,
  active: 48,
  stop: 64,
  parts: 65,
  partSize: 66,
  end: 67,
  kernel: 68,
  argument: 69,
  scratch: 70,
  scratchStride: 71,
  first: 72,
  failed: 80,
} as const

/** Bytes of the shared words. */
export const CONTROL_BYTES = 512

const CLOSED = 2 ** 30
const SPINS = 20_000
/** Parts for each thread, so that one that is interrupted does not keep the others waiting. */
const PARTS_PER_THREAD = 4

export interface Job {
  readonly kernel: SharedKernelName
  /** Address of its description. */
  readonly argument: number
  /** Its units: from `first` to `end`. */
  readonly first: number
  readonly end: number
  /** Parts are multiples of this many units. */
  readonly unitsTogether: number
  /** Address of the threads' scratch memory, and bytes for each. */
  readonly scratch: number
  readonly scratchStride: number
}

/** What both kinds of Worker have. */
interface Thread {
  terminate(): unknown
}

export interface PoolOptions {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly exports: KernelExports
  /** Address of the shared words. */
  readonly control: number
  /** All threads, this one included. */
  readonly threads: number
  /** Folder with worker.js. */
  readonly files: URL
}

/** A page's main thread must never wait: there it hands all parts to the workers and awaits them. */
const mayWait = typeof document === 'undefined'

export class ThreadPool {
  /** Threads that compute. */
  readonly threads: number
  readonly #exports: KernelExports
  readonly #control: Int32Array
  readonly #workers: readonly Thread[]
  /** On a page: the job before, which has to end before the next begins. */
  #last: Promise<void> = Promise.resolve()

  private constructor(exports: KernelExports, control: Int32Array, workers: readonly Thread[]) {
    this.threads = mayWait ? workers.length + 1 : Math.max(1, workers.length)
    this.#exports = exports
    this.#control = control
    this.#workers = workers
  }

  static async start({ module, memory, exports, control: address, threads, files }: PoolOptions): Promise<ThreadPool> {
    const control = new Int32Array(memory.buffer, address, CONTROL_BYTES / 4)
    control[WORDS.next] = CLOSED
    const count = threads === 1 ? 0 : mayWait ? threads - 1 : threads
    const workers: Thread[] = []
    try {
      for (let slot = 1; slot <= count; slot++) {
        const first = { module, memory, control, slot, kernels: SHARED_KERNELS, words: WORDS, spins: SPINS }
        workers.push(await startThread(new URL('worker.js', files), first))
      }
    } catch (error) {
      for (const worker of workers) worker.terminate()
      throw error
    }
    return new ThreadPool(exports, control, workers)
  }

  /** Slots of scratch memory that a job needs. */
  get slots(): number {
    return this.#workers.length + 1
  }

  /** Runs the units of a job; `alone` on this thread, for jobs that are over before a worker wakes. */
  run(job: Job, alone: boolean): Promise<void> | undefined {
    if (this.#workers.length === 0 || (alone && mayWait)) {
      if (!mayWait) return this.#runInSlices(job)
      this.#exports[job.kernel](job.argument, job.first, job.end, job.scratch)
      return undefined
    }
    if (!mayWait) return (this.#last = this.#last.then(() => this.#runOnWorkers(job)))
    const parts = this.#open(job)
    try {
      this.#takeParts(job, parts)
      this.#waitFor(WORDS.done, (done) => done === parts)
    } finally {
      this.#close()
    }
    this.#check(job)
    return undefined
  }

  /** Stops the workers. Idempotent. */
  dispose(): void {
    Atomics.store(this.#control, WORDS.stop, 1)
    Atomics.add(this.#control, WORDS.job, 1)
    Atomics.notify(this.#control, WORDS.job)
    for (const worker of this.#workers) worker.terminate()
  }

  #open({ kernel, argument, first, end, unitsTogether, scratch, scratchStride }: Job): number {
    const control = this.#control
    const groups = Math.ceil((end - first) / unitsTogether)
    const partSize = Math.ceil(groups / Math.min(groups, this.threads * PARTS_PER_THREAD)) * unitsTogether
    const parts = Math.ceil((end - first) / partSize)
    control[WORDS.parts] = parts
    control[WORDS.partSize] = partSize
    control[WORDS.first] = first
    control[WORDS.end] = end
    control[WORDS.kernel] = SHARED_KERNELS.indexOf(kernel)
    control[WORDS.argument] = argument
    control[WORDS.scratch] = scratch
    control[WORDS.scratchStride] = scratchStride
    Atomics.store(control, WORDS.done, 0)
    Atomics.store(control, WORDS.next, 0)
    Atomics.add(control, WORDS.job, 1)
    Atomics.notify(control, WORDS.job)
    return parts
  }

  #close(): void {
    Atomics.store(this.#control, WORDS.next, CLOSED)
    this.#waitFor(WORDS.active, (active) => active === 0)
  }

  #takeParts({ kernel, argument, first, end, scratch }: Job, parts: number): void {
    const run = this.#exports[kernel]
    const size = this.#control[WORDS.partSize]
    for (;;) {
      const part = Atomics.add(this.#control, WORDS.next, 1)
      if (part >= parts) return
      run(argument, first + part * size, Math.min(first + (part + 1) * size, end), scratch)
      Atomics.add(this.#control, WORDS.done, 1)
    }
  }

  /** Spins, then sleeps, until a word has the value. */
  #waitFor(word: number, reached: (value: number) => boolean): void {
    for (let i = 0; i < SPINS; i++) if (reached(Atomics.load(this.#control, word))) return
    for (;;) {
      const value = Atomics.load(this.#control, word)
      if (reached(value)) return
      Atomics.wait(this.#control, word, value)
    }
  }

  async #runOnWorkers(job: Job): Promise<void> {
    const parts = this.#open(job)
    await this.#reached(WORDS.done, (done) => done === parts)
    Atomics.store(this.#control, WORDS.next, CLOSED)
    await this.#reached(WORDS.active, (active) => active === 0)
    this.#check(job)
  }

  /** @throws GlassformerError `thread-failed` where a worker's kernel trapped; its own message is reported when it ends */
  #check({ kernel }: Job): void {
    const slot = Atomics.exchange(this.#control, WORDS.failed, 0)
    if (slot === 0) return
    const message = `wasm: thread ${slot} failed in the kernel ${kernel}; this pass is lost, make a new backend and report what led here`
    throw new GlassformerError('thread-failed', message)
  }

  /** Awaits a word's value without blocking. */
  async #reached(word: number, reached: (value: number) => boolean): Promise<void> {
    for (;;) {
      const value = Atomics.load(this.#control, word)
      if (reached(value)) return
      const { async, value: woken } = Atomics.waitAsync(this.#control, word, value)
      if (async) await woken
    }
  }

  /** One thread on a page: the page gets its turn every few milliseconds. */
  async #runInSlices({ kernel, argument, first, end, unitsTogether, scratch }: Job): Promise<void> {
    let turn = performance.now()
    for (let unit = first; unit < end; unit += unitsTogether) {
      this.#exports[kernel](argument, unit, Math.min(unit + unitsTogether, end), scratch)
      if (performance.now() - turn < SLICE_MILLISECONDS) continue
      await nextTurn()
      turn = performance.now()
    }
  }
}

const SLICE_MILLISECONDS = 8

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}

/** On a page, where all depends on the workers, resolves when the worker runs. */
async function startThread(file: URL, first: object): Promise<Thread> {
  if (typeof Worker === 'undefined') {
    const { startWorker } = await import('./node-threads.js')
    const worker = startWorker(file)
    worker.postMessage(first)
    return worker
  }
  const worker = new Worker(file, { type: 'module' })
  await new Promise((resolve, reject) => {
    worker.onmessage = resolve
    worker.onerror = (event) => {
      const message = `wasm: ${file.href} cannot be started as a worker (${event.message ?? 'not allowed or not found'}); pass threads: 1`
      reject(new GlassformerError('no-thread', message))
    }
    worker.postMessage(first)
  })
  return worker
}
