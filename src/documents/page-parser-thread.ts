/**
 * Stands in for node-parser-thread.ts in the browser bundle. A page cannot bound the memory of its workers; the browser does.
 */
import type { ParserThread, ThreadEvents } from './parser-thread.js'

export function startParserThread(_megabytes: number, { onMessage, onEnd }: ThreadEvents): ParserThread {
  const worker = new Worker(new URL('./page-parser-worker.js', import.meta.url), { type: 'module' })
  worker.onmessage = ({ data }) => onMessage(data)
  worker.onerror = ({ message }) => onEnd(new Error(message ?? 'its file cannot be loaded'))
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => worker.terminate(),
  }
}
