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

  /** Whether something was reached since the last look that never was before. */
  look(): boolean {
    const before = this.#seen.size
    const { result } = this.#post<Profiler.TakePreciseCoverageReturnType>('Profiler.takePreciseCoverage')
    for (const { url, scriptId, functions } of result) {
      if (!COUNTED.test(url)) continue
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count > 0) this.#seen.add(`${scriptId}:${startOffset}:${endOffset}`)
        }
      }
    }
    return this.#seen.size > before
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
