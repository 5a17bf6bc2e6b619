/**
 * Parses files in a thread of its own, so that a file which was made to do harm, or is only too large, is given up alone: the thread ends when
 * the file takes too long or too much memory, or the run is cancelled, and the next file gets another.
 */
import { AbortedError, GlassformerError, InputError } from '../errors.js'
import { DocumentError, type ParsedText } from './document.js'
import { startParserThread } from './node-parser-thread.js'
import { parse as parseHere, type ParseJob } from './parse.js'
import { unpack, type ParsedReply } from './parsed-reply.js'
import { OutOfMemory, type ParserThread } from './parser-thread.js'

export interface ParsingLimits {
  /** Most seconds that the parsing of one file may take; 60 unless told. */
  readonly parseSeconds?: number
  /** Most megabytes of memory that the parsing of one file may take; 512 unless told. In a page only the size of the file is held against it. */
  readonly parseMegabytes?: number
}

const SECONDS = 60
const MEGABYTES = 512
/** With less the parsers themselves find no room. */
const LEAST_MEGABYTES = 64
/** The longest that a timer can wait. */
const MOST_SECONDS = 2 ** 31 / 1000 - 1

/** @throws InputError for a wrong limit */
export function checkParsingLimits({ parseSeconds = SECONDS, parseMegabytes = MEGABYTES }: ParsingLimits): void {
  if (!(parseSeconds > 0 && parseSeconds <= MOST_SECONDS)) {
    throw new InputError(
      'bad-option',
      `parseSeconds is ${parseSeconds}, expected a number above 0, at most ${Math.floor(MOST_SECONDS)}`,
    )
  }
  if (!(Number.isSafeInteger(parseMegabytes) && parseMegabytes >= LEAST_MEGABYTES)) {
    throw new InputError(
      'bad-option',
      `parseMegabytes is ${parseMegabytes}, expected a whole number of ${LEAST_MEGABYTES} or more`,
    )
  }
}

/** Parses one file after the other. Whoever made it closes it. */
export class ParserApart {
  readonly #seconds: number
  readonly #megabytes: number
  readonly #signal: AbortSignal | undefined
  #thread: AnsweringThread | undefined
  /** No thread can be made, or it lacks what it needs. */
  #isAlone = false

  constructor({
    parseSeconds = SECONDS,
    parseMegabytes = MEGABYTES,
    signal,
  }: ParsingLimits & { signal?: AbortSignal }) {
    this.#seconds = parseSeconds
    this.#megabytes = parseMegabytes
    this.#signal = signal
  }

  /**
   * As {@link parseHere}, but elsewhere. Plain text is read here: there is nothing to it.
   * @throws DocumentError, `parser-too-slow` and `parser-too-large` for what is beyond the limits; AbortedError
   */
  readonly parse = async (job: ParseJob): Promise<readonly ParsedText[]> => {
    if (job.format === 'text' || this.#isAlone) return parseHere(job)
    if (job.format !== 'jsonl' && job.content.length > this.#megabytes * 2 ** 20) throw this.#tooLarge(job)
    const reply = await this.#ask(job)
    if (reply === undefined) return parseHere(job)
    if ('texts' in reply) return reply.texts.map(unpack)
    const { code, message } = reply.failure
    if (code !== 'parser-missing') throw new DocumentError(code, message)
    const texts = await parseHere(job) // a thread in a page does not find what the page's import map names
    this.#goOnAlone(message)
    return texts
  }

  /** Ends the thread. */
  close(): void {
    this.#thread?.terminate()
    this.#thread = undefined
  }

  /** The thread's answer, or undefined where none can be made. */
  async #ask(job: ParseJob): Promise<ParsedReply | undefined> {
    if (this.#thread?.hasEnded) this.close()
    try {
      this.#thread ??= new AnsweringThread(this.#megabytes)
      await this.#unlessStopped(this.#thread.ready)
    } catch (error) {
      this.close()
      if (error instanceof AbortedError) throw error
      this.#goOnAlone((error as Error).message)
      return undefined
    }
    try {
      return await this.#unlessStopped(this.#thread.ask(job), job)
    } catch (error) {
      this.close()
      if (error instanceof OutOfMemory) throw this.#tooLarge(job)
      if (error instanceof GlassformerError) throw error
      const { file, format } = job
      const { message } = error as Error
      throw new DocumentError('parser-failed', `${file}: cannot be read as ${format} (${message})`, { cause: error })
    }
  }

  /** What a promise gives, unless the run is cancelled before that, or the time for a job is over. */
  #unlessStopped<T>(promise: Promise<T>, job?: ParseJob): Promise<T> {
    const signal = this.#signal
    return new Promise((resolve, reject) => {
      const cancel = () => settle(() => reject(new AbortedError('the parsing', signal?.reason)))
      const timer = job && setTimeout(() => settle(() => reject(this.#tooSlow(job))), this.#seconds * 1000)
      const settle = (end: () => void) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', cancel)
        end()
      }
      if (signal?.aborted) return cancel()
      signal?.addEventListener('abort', cancel)
      promise.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error as Error)),
      )
    })
  }

  #tooSlow({ file, format }: ParseJob): DocumentError {
    return new DocumentError(
      'parser-too-slow',
      `${file}: given up, since reading it as ${format} takes more than ${this.#seconds} s; split it or raise the limit`,
    )
  }

  #tooLarge({ file, format }: ParseJob): DocumentError {
    return new DocumentError(
      'parser-too-large',
      `${file}: given up, since reading it as ${format} takes more than ${this.#megabytes} MB of memory; split it or raise the limit`,
    )
  }

  #goOnAlone(reason: string): void {
    this.#isAlone = true
    this.close()
    console.warn(
      `glassformer: files are parsed without limits of time and memory, for lack of a thread to do it (${reason})`,
    )
  }
}

/** A thread that gives a promise of each answer. */
class AnsweringThread {
  readonly #thread: ParserThread
  /** Resolves when it can be asked. */
  readonly ready: Promise<unknown>
  hasEnded = false
  #resolve!: (message: unknown) => void
  #reject!: (reason: Error) => void

  /** @throws Error where there are no threads */
  constructor(megabytes: number) {
    this.ready = this.#next()
    this.#thread = startParserThread(megabytes, {
      onMessage: (message) => this.#resolve(message),
      onEnd: (reason) => {
        this.hasEnded = true
        this.#reject(reason)
      },
    })
  }

  async ask(job: ParseJob): Promise<ParsedReply> {
    const reply = this.#next()
    if (job.format === 'jsonl') this.#thread.post(job, [])
    else {
      const content = job.content.slice() // what it was cut from stays here
      this.#thread.post({ ...job, content }, [content.buffer])
    }
    return (await reply) as ParsedReply
  }

  terminate(): void {
    this.#thread.terminate()
  }

  #next(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }
}
