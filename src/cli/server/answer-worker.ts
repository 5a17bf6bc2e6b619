/**
 * What runs in the thread that answers. Its data are the options of the command.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Arguments } from '../arguments.js'
import { openPipeline } from '../pipeline.js'
import { answerOnPort } from './answer-on-port.js'
import type { FromThread } from './answers.js'

const port = parentPort!
const terminal = {
  progress: (label: string, done: number, total: number) =>
    port.postMessage({ type: 'progress', label, done, total } satisfies FromThread),
  signal: new AbortController().signal, // whoever does not want it any more ends the thread
}
await answerOnPort(port, () => openPipeline(workerData as Arguments['options'], terminal))
