/**
 * What code an input reaches, from V8's own counts: an input that reaches a new block is worth to be mutated further.
 */
import { Session, type Profiler } from 'node:inspector'

/** Code that reads: ours, and the libraries that do it for us. */
const COUNTED = /\/src\/|\/@huggingface\//

export class Coverage {
  readonly #session = new Session()
  readonly #seen = new Set<string>()

  constructor() {
    this.#session.connect()
    this.#post('Profiler.enable')
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Blocks of code that were reached by all that was looked at. */
  get blocks(): number {
    return this.#seen.size
  }

  /** Blocks that were reached since the last look. */
  reached(): string[] {
    const { result } = this.#post<Profiler.TakePreciseCoverageReturnType>('Profiler.takePreciseCoverage')
    return result.flatMap(({ url, scriptId, functions }) =>
      COUNTED.test(url)
        ? functions
            .flatMap(({ ranges }) => ranges)
            .filter(({ count }) => count > 0)
            .map(({ startOffset, endOffset }) => `${scriptId}:${startOffset}:${endOffset}`)
        : [],
    )
  }

  /** Of these, those that never were reached before. */
  fresh(reached: readonly string[]): Set<string> {
    const fresh = new Set(reached.filter((block) => !this.#seen.has(block)))
    for (const block of fresh) this.#seen.add(block)
    return fresh
  }

  /** A session of the same thread answers at once. */
  #post<T>(method: string, params: object = {}): T {
    let answer: T | undefined
    this.#session.post(method, params, (error, result) => {
      if (error) throw error
      answer = result as T
    })
    return answer as T
  }
}
