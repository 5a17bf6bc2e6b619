/**
 * The inside of the thread that answers: it opens the pipeline, says so, and then runs what it is asked until it is told to close.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Pipeline } from '../pipeline.js'
import { toFailure, type FromThread, type Job, type ToThread } from './answers.js'
import { runJob } from './run-job.js'

export async function answerOnPort(port: MessagePort, open: () => Promise<Pipeline>): Promise<void> {
  const post = (message: FromThread) => port.postMessage(message)
  let pipeline: Pipeline
  try {
    pipeline = await open()
  } catch (error) {
    return post({ type: 'not-ready', failure: toFailure(error) })
  }
  let running: { readonly id: number; readonly controller: AbortController; readonly done: Promise<void> } | undefined
  const run = async (id: number, job: Job, signal: AbortSignal) => {
    try {
      const result = await runJob(pipeline, job, { signal, onText: (text) => post({ type: 'text', id, text }) })
      post({ type: 'done', id, json: JSON.stringify(result) })
    } catch (error) {
      post({ type: 'failed', id, failure: toFailure(error) })
    }
  }
  const close = async () => {
    running?.controller.abort()
    await running?.done
    await pipeline.close()
    port.close()
  }
  port.on('message', (message: ToThread) => {
    if (message.type === 'run') {
      const { id, job } = message
      const controller = new AbortController()
      running = { id, controller, done: run(id, job, controller.signal) }
    } else if (message.type === 'cancel') {
      if (running?.id === message.id) running.controller.abort()
    } else void close()
  })
  const { kind, rag, corpus, stages } = pipeline
  post({ type: 'ready', facts: { kind, encoder: rag.encoder.name, corpus, stages } })
}
