/**
 * The thread that parses, in Node. page-parser-thread.ts stands in for this in the browser bundle.
 */
import { Worker } from 'node:worker_threads'
import { typeScriptProgram } from '../files/typescript-worker.js'
import { OutOfMemory, type ParserThread, type ThreadEvents } from './parser-thread.js'

/** Milliseconds between looks at the memory of the process. */
const LOOK_EVERY = 20
/**
 * V8 ends a thread whose heap is full, but ends the whole process where a single object finds no room. So the memory of the process is watched, in
 * which bytes outside of the heap count too, and V8's own limit lies higher.
 */
const HEAP_BEYOND = 2

/** @param megabytes that a job may take beyond what the process had before */
export function startParserThread(megabytes: number, { onMessage, onEnd }: ThreadEvents): ParserThread {
  const options = { resourceLimits: { maxOldGenerationSizeMb: HEAP_BEYOND * megabytes }, execArgv: [] } // the program's own options are not for it
  const worker = import.meta.url.endsWith('.ts')
    ? new Worker(typeScriptProgram(import.meta.url.replace('-thread.ts', '-worker.ts')), { ...options, eval: true })
    : new Worker(new URL('./node-parser-worker.js', import.meta.url), options)
  let watch: NodeJS.Timeout | undefined
  worker.on('message', (message) => {
    clearInterval(watch)
    onMessage(message)
  })
  worker.on('error', (error: NodeJS.ErrnoException) => {
    onEnd(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? new OutOfMemory() : error)
  })
  worker.on('exit', (code) => {
    clearInterval(watch)
    onEnd(new Error(`its thread ended with code ${code}`))
  })
  return {
    post(message, transfer) {
      const before = process.memoryUsage.rss()
      watch = setInterval(() => {
        if (process.memoryUsage.rss() - before > megabytes * 2 ** 20) onEnd(new OutOfMemory())
      }, LOOK_EVERY)
      worker.postMessage(message, transfer)
    },
    terminate() {
      clearInterval(watch)
      void worker.terminate()
    },
  }
}
