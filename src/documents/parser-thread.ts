/**
 * A thread that parses, as Node and pages have it. It says something once when it can be asked, and then once for each job.
 */

export interface ParserThread {
  /** @param transfer what is no longer here afterwards */
  post(message: unknown, transfer: ArrayBuffer[]): void
  /** Ends it at once, whatever it does. */
  terminate(): void
}

export interface ThreadEvents {
  readonly onMessage: (message: unknown) => void
  /** It has ended or has to be ended; what it was asked it does not answer. May be called more than once. */
  readonly onEnd: (reason: Error) => void
}

/** It took more memory than it may. */
export class OutOfMemory extends Error {}
