/**
 * The span reader on the walk that is shown. It is fetched when the answer that is given cannot be known without it, or when it is to be
 * looked at; from then on it reads every walk. What it has is always of the walk that is shown, or marked as stale.
 */
import { signal } from '@preact/signals'
import type { Engine, Progress, Quoting, Walk } from '../protocol.js'
import type { Shown } from './explorer.js'
import type { Resource } from './resource.js'
import { messageOf } from './trouble.js'

const NOTHING: Resource<Quoting> = { value: undefined, stale: false, error: undefined }

export class QuotingState implements Resource<Quoting> {
  readonly #engine: Pick<Engine, 'quoting'>
  readonly #resource = signal<Resource<Quoting>>(NOTHING)
  readonly #progress = signal<Progress | undefined>(undefined)
  #shown: Shown | undefined
  #isWanted = false
  #run = new AbortController()

  constructor(engine: Pick<Engine, 'quoting'>) {
    this.#engine = engine
  }

  get value(): Quoting | undefined {
    return this.#resource.value.value
  }

  get stale(): boolean {
    return this.#resource.value.stale
  }

  get error(): string | undefined {
    return this.#resource.value.error
  }

  /** How far its loading is; undefined when nothing loads. */
  get progress(): Progress | undefined {
    return this.#progress.value
  }

  /** Goes on to another walk. */
  follow(shown: Shown): void {
    this.#shown = shown
    this.#isWanted ||= isJudged(shown) && isOpen(shown.walk)
    this.#read()
  }

  /** Wants it from now on. */
  readonly ask = (): void => {
    if (this.#isWanted) return
    this.#isWanted = true
    this.#read()
  }

  /** Asks once more, after an error. */
  readonly retry = (): void => this.#read()

  #read(): void {
    this.#run.abort()
    this.#run = new AbortController()
    const { signal } = this.#run
    const settle = (resource: Resource<Quoting>) => {
      if (signal.aborted) return
      this.#resource.value = resource
      this.#progress.value = undefined
    }
    if (!this.#isWanted || !this.#shown?.model.spanReader) return settle(NOTHING)
    settle({ value: this.value, stale: true, error: undefined })
    const onProgress = (at: Progress) => {
      if (!signal.aborted) this.#progress.value = at
    }
    this.#engine.quoting({ onProgress, signal }).then(
      (value) => settle({ value, stale: false, error: undefined }),
      (error: unknown) => settle({ ...NOTHING, error: messageOf(error) }),
    )
  }
}

/** Whether the worded answer is weighed against a quote: by the default reader, and not in the modes of the paper. */
export function isJudged({ model, walk }: Shown): boolean {
  return model.spanReader !== undefined && model.isDefault && walk.scene.mode === 'conditioned'
}

/** Whether a quote is likely to be given: documents are seldom answered in a short fact, and where nothing was worded a quote is all there is. */
function isOpen({ stages, answer }: Walk): boolean {
  return stages !== undefined || answer.abstained
}
