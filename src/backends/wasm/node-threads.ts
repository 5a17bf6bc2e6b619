/**
 * What the thread pool needs of Node. Loaded only there; the browser bundle leaves it out.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

export { availableParallelism }

/** A worker that does not keep the process alive: a program that forgets dispose() can still end. */
export function startWorker(file: URL): Worker {
  const worker = new Worker(file)
  worker.unref()
  return worker
}
