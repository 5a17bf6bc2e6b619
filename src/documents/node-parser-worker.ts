/**
 * What runs in the thread that parses, in Node.
 */
import { parentPort } from 'node:worker_threads'
import type { ParseJob } from './parse.js'
import { replyTo } from './parsed-reply.js'

const port = parentPort!
port.on('message', (job: ParseJob) => void replyTo(job).then((reply) => port.postMessage(reply)))
port.postMessage('ready')
