/**
 * What the server asks for answers, and what is said between it and the thread that computes them. Everything that crosses is a plain value,
 * and an answer crosses as the text that the client gets.
 */
import { GlassformerError } from '../../errors.js'
import type { Pipeline, SearchStage } from '../pipeline.js'
import type { AskRequest } from './ask-request.js'
import { HttpError, toHttpError } from './http-error.js'

/** What answers. */
export interface Facts {
  readonly kind: Pipeline['kind']
  /** Name of the encoder. */
  readonly encoder: string
  readonly corpus: string
  readonly stages: readonly SearchStage[]
}

/** A question: to be answered, or only to be searched for. */
export interface Job {
  readonly kind: 'answer' | 'search'
  readonly asked: AskRequest
  /** Whether the client wants the text as it is written. */
  readonly streams: boolean
}

export interface JobOptions {
  readonly signal: AbortSignal
  /** Called with each piece of text, for a job that streams. */
  readonly onText: (text: string) => void
}

export interface Answers {
  readonly facts: Facts
  /** `loading` while the models are loaded again, `failed` when that was in vain and until a question has it tried once more. */
  readonly status: 'ok' | 'loading' | 'failed'
  /** How long models have been loaded since the start, in milliseconds. It does not count as the time of a question. */
  readonly loadingMilliseconds: number
  /**
   * What the client gets, as JSON. One job at a time. When the signal ends it, the promise is settled only when nothing of the job is computed any more.
   * @throws HttpError, AbortedError, and Error for a defect
   */
  run(job: Job, options: JobOptions): Promise<string>
}

export type ToThread =
  | { readonly type: 'run'; readonly id: number; readonly job: Job }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'close' }

export type FromThread =
  | { readonly type: 'progress'; readonly label: string; readonly done: number; readonly total: number }
  | { readonly type: 'ready'; readonly facts: Facts }
  | { readonly type: 'not-ready'; readonly failure: Failure }
  | { readonly type: 'text'; readonly id: number; readonly text: string }
  | { readonly type: 'done'; readonly id: number; readonly json: string }
  | { readonly type: 'failed'; readonly id: number; readonly failure: Failure }

/** An error as it crosses. */
export interface Failure extends Pick<HttpError, 'status' | 'code' | 'message' | 'headers'> {
  /** Of an error that nobody threw on purpose: its stack. */
  readonly defect?: string
}

export function toFailure(error: unknown): Failure {
  const { status, code, message, headers } = toHttpError(error)
  if (error instanceof GlassformerError) return { status, code, message, headers }
  return { status, code, message, headers, defect: (error instanceof Error && error.stack) || String(error) }
}

/** The error again: an HttpError, or for a defect an Error of no class of ours. */
export function fromFailure({ status, code, message, headers, defect }: Failure): Error {
  return defect === undefined
    ? new HttpError(status, code, message, headers)
    : Object.assign(new Error(message), { stack: defect })
}
