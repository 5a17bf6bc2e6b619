/**
 * What the thread pool needs of Node. Loaded only there; the browser bundle leaves it out.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

export { availableParallelism }

/** A worker that does not keep the process alive: a program that forgets dispose() can still end. */
export function startWorker(file: URL): Worker {
  const worker = new Worker(file, { execArgv: [] }) // the program's own options are not for it
  worker.unref()
  worker.once('error', ({ message }) => {
    console.warn(`glassformer: a thread of the kernels has ended (${message}); the others do its work`)
  })
  return worker
}
