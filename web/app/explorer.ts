/**
 * The page's state. A scene is edited, the engine walks it, and panels draw the walk. An edit cancels the walk that runs; until the next
 * one is there, the last one stays in sight. Everything is a signal, so a panel draws again only when what it reads has changed.
 */
import { batch, computed, signal, type ReadonlySignal } from '@preact/signals'
import type {
  AttentionMap,
  AttentionName,
  BackendInfo,
  BackendName,
  BackendOffer,
  Engine,
  HeadName,
  ModelInfo,
  ModelSource,
  Progress,
  Scene,
  ScenePassage,
  Served,
  Walk,
} from '../protocol.js'
import { DEFAULT_BACKEND } from '../backends.js'
import { describeServed, isServed } from '../engine/served.js'
import { AddressError, formatAddress, parseAddress } from './address.js'
import { QuotingState } from './quoting-state.js'
import { SEED_SCENE } from './seed.js'
import { fitSelection, type Selection } from './selection.js'
import { castOf, tellStory, type Story } from './story.js'
import { codeOf, messageOf, type Trouble } from './trouble.js'

/** How long an edit waits for the next one, in milliseconds. */
export const PAUSE = { typing: 450, sliding: 150 }

/** A walk with the model that walked it, and what the attention maps show of the story. */
export interface Shown {
  readonly model: ModelInfo
  readonly walk: Walk
  readonly story: Story
}

/** How long the walk of a scene took on a backend, and what came out. */
export interface Run {
  readonly backend: BackendInfo
  /** Of what was walked: the same question on the same models, whatever computes. */
  readonly subject: string
  readonly milliseconds: Walk['milliseconds']
  readonly answer: string
  /** ln p(answer) */
  readonly logProb: number
}

export class Explorer {
  readonly engine: Engine
  /** The span reader on the walk that is shown. */
  readonly quoting: QuotingState
  readonly #model = signal<ModelInfo | undefined>(undefined)
  readonly #served = signal<Served | undefined>(undefined)
  readonly #progress = signal<Progress | undefined>(undefined)
  readonly #scene = signal<Scene>(SEED_SCENE)
  readonly #shown = signal<Shown | undefined>(undefined)
  readonly #busy = signal(true)
  readonly #writing = signal('')
  readonly #trouble = signal<Trouble | undefined>(undefined)
  readonly #chosen = signal<Partial<Selection>>({})
  readonly #tried = signal<readonly HeadName[]>([])
  readonly #backend = signal<BackendName>(DEFAULT_BACKEND)
  readonly #offers = signal<readonly BackendOffer[]>([])
  readonly #runs = signal<readonly Run[]>([])
  #source: ModelSource = { kind: 'default' }
  #loading = new AbortController()
  #maps = new Map<string, Promise<AttentionMap>>()
  #own: readonly ScenePassage[] = SEED_SCENE.passages!
  #run = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined

  readonly model: ReadonlySignal<ModelInfo | undefined> = this.#model
  /** How far loading is; undefined when nothing loads. */
  readonly progress: ReadonlySignal<Progress | undefined> = this.#progress
  /** What is asked; may be ahead of the walk. */
  readonly scene: ReadonlySignal<Scene> = this.#scene
  /** What the server behind the page answers from; undefined where it is but a server of files, or has not told yet. */
  readonly served: ReadonlySignal<Served | undefined> = this.#served
  /** The last walk that came to its end, and what is looked at in it. */
  readonly shown: ReadonlySignal<Shown | undefined> = this.#shown
  /** Whether the walk is older than the scene. */
  readonly busy: ReadonlySignal<boolean> = this.#busy
  /** The answer while it is written. */
  readonly writing: ReadonlySignal<string> = this.#writing
  readonly trouble: ReadonlySignal<Trouble | undefined> = this.#trouble
  readonly selection: ReadonlySignal<Selection | undefined> = computed(() => {
    const { model, walk, story } = this.#shown.value ?? {}
    return model && walk && story && fitSelection(this.#chosen.value, model.reader, walk, story)
  })

  /** The heads of the ablation experiment. */
  readonly tried: ReadonlySignal<readonly HeadName[]> = this.#tried
  /** The backend that is asked for; may be ahead of the model's. */
  readonly backend: ReadonlySignal<BackendName> = this.#backend
  /** What can compute here; none before the browser has been asked. */
  readonly offers: ReadonlySignal<readonly BackendOffer[]> = this.#offers
  /** The walks of what is shown, on whatever backends, first to last. */
  readonly runs: ReadonlySignal<readonly Run[]> = this.#runs

  constructor(engine: Engine) {
    this.engine = engine
    this.quoting = new QuotingState(engine)
    engine.onLost((error) => {
      if (this.#backend.value !== DEFAULT_BACKEND) void this.#load(this.#source, DEFAULT_BACKEND, 'push', error)
    })
  }

  /** Reads the address, loads the default models and walks. */
  async start(): Promise<void> {
    this.#readAddress()
    addEventListener('popstate', () => {
      const before = this.#backend.value
      this.#readAddress()
      if (this.#backend.value === before) this.#schedule(0, 'keep')
      else void this.#load(this.#source, this.#backend.value, 'keep')
    })
    if (isServed()) void this.#askServer()
    await this.#load(this.#source, this.#backend.value, 'keep')
    this.#offers.value = await this.engine.backends().catch(() => []) // if the engine has died, that is shown already
  }

  /** The server's documents are offered also where it cannot tell much of them now: a question then says what is wrong. */
  async #askServer(): Promise<void> {
    this.#served.value = await describeServed().catch(() => ({ corpus: 'the server', passages: undefined }))
  }

  /** Takes other models. */
  async open(source: ModelSource): Promise<void> {
    await this.#load(source, this.#backend.value, 'push')
  }

  /** Lets another backend compute: the models are loaded there and the scene is walked again. */
  async switchTo(backend: BackendName): Promise<void> {
    await this.#load(this.#source, backend, 'push')
  }

  /** Changes the scene, and walks when no other edit has come for `pause` milliseconds. */
  edit(change: Partial<Scene>, pause = 0): void {
    if (change.passages) this.#own = change.passages
    this.#scene.value = { ...this.#scene.value, ...change }
    this.#schedule(pause, 'push')
  }

  /** The person's own passages, also while the corpus is asked. */
  get ownPassages(): readonly ScenePassage[] {
    return this.#scene.value.passages ?? this.#own
  }

  /** Back to the opening example. */
  reset(): void {
    this.#chosen.value = {}
    this.#tried.value = []
    this.edit(SEED_SCENE)
  }

  /** Walks once more, after an error. */
  retry(): void {
    if (this.#model.value) this.#schedule(0, 'keep')
    else void this.#load(this.#source, this.#backend.value, 'keep')
  }

  select(change: Partial<Selection>): void {
    this.#chosen.value = { ...this.#chosen.value, ...change }
    history.replaceState(null, '', this.address)
  }

  /** Takes heads out for the experiment; the walk stays as it is. */
  try(heads: readonly HeadName[]): void {
    this.#tried.value = heads
    history.replaceState(null, '', this.address)
  }

  report(trouble: Trouble | undefined): void {
    this.#trouble.value = trouble
  }

  /** An attention layer's map over a passage of the walk that is shown; computed once for each walk. */
  attention(attention: AttentionName, passage: number): Promise<AttentionMap> {
    return this.#map(attention, passage, this.#maps, this.#run.signal)
  }

  /** This page's address with its state. */
  get address(): string {
    const state = formatAddress({
      scene: this.#scene.value,
      selection: this.#chosen.value,
      tried: this.#tried.value,
      backend: this.#backend.value,
    })
    return `${location.pathname}${location.search}${state}`
  }

  #readAddress(): void {
    try {
      const { scene, selection, tried, backend } = parseAddress(location.hash)
      batch(() => {
        this.#scene.value = scene
        this.#chosen.value = selection
        this.#tried.value = tried
        this.#backend.value = backend
        this.#trouble.value = undefined
      })
    } catch (error) {
      if (!(error instanceof AddressError)) throw error
      batch(() => {
        this.#scene.value = SEED_SCENE
        this.#chosen.value = {}
        this.#tried.value = []
        this.#trouble.value = { where: 'link', message: `${error.message}. The opening example is shown instead.` }
      })
    }
  }

  /**
   * Loads models on a backend and walks. `lost` is why the backend before is left, if it was not by choice. Where a backend cannot take
   * them, the one before goes on, or the default one where there was none.
   */
  async #load(source: ModelSource, backend: BackendName, how: 'push' | 'keep', lost?: Error): Promise<void> {
    this.#stop()
    this.#loading.abort()
    this.#loading = new AbortController()
    const { signal } = this.#loading
    const onProgress = (at: Progress) => {
      if (!signal.aborted) this.#progress.value = at
    }
    batch(() => {
      if (this.#trouble.value?.where !== 'link') this.#trouble.value = undefined
      this.#progress.value = { what: 'Loading the models', done: 0, total: 0 }
      this.#busy.value = true
      this.#backend.value = backend
    })
    try {
      const model = await this.engine.load(source, backend, { onProgress, signal })
      if (signal.aborted) return
      this.#source = source
      batch(() => {
        this.#model.value = model
        this.#backend.value = model.backend.name // without WebAssembly, plain TypeScript takes its place
        this.#progress.value = undefined
        if (lost) this.#trouble.value = backendTrouble(lost, model)
      })
      await this.#walkScene(how)
    } catch (error) {
      if (signal.aborted || codeOf(error) === 'device-lost') return // what follows is on its way
      const before = this.#model.value
      if (!before && backend !== DEFAULT_BACKEND) return this.#load(source, DEFAULT_BACKEND, 'keep', error as Error)
      batch(() => {
        this.#progress.value = undefined
        this.#busy.value = false
        if (before && before.backend.name !== backend) {
          this.#backend.value = before.backend.name
          this.#trouble.value = backendTrouble(error as Error, before)
        } else {
          this.#trouble.value = { where: source.kind === 'files' ? 'file' : 'model', message: messageOf(error) }
        }
      })
      if (before && this.#shown.value?.walk.scene !== this.#scene.value) await this.#walkScene('push')
    }
  }

  /** `push` makes a step that the browser's back button undoes. */
  #schedule(pause: number, history: 'push' | 'keep'): void {
    this.#stop()
    this.#busy.value = true
    this.#timer = setTimeout(() => void this.#walkScene(history), pause)
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#run.abort()
    this.#run = new AbortController()
  }

  async #walkScene(how: 'push' | 'keep'): Promise<void> {
    const model = this.#model.value
    if (!model || this.#progress.value) return // when the models are there it is walked
    const { signal } = this.#run
    if (how === 'push') {
      const { where } = this.#trouble.value ?? {}
      if (where !== 'file' && where !== 'backend') this.#trouble.value = undefined
      if (this.address !== `${location.pathname}${location.search}${location.hash}`) {
        history.pushState(null, '', this.address)
      }
    }
    this.#writing.value = ''
    try {
      const onWriting = (text: string) => {
        if (!signal.aborted) this.#writing.value = text
      }
      const walk = await this.engine.walk(this.#scene.value, { onWriting, signal })
      if (signal.aborted) return
      const maps = new Map<string, Promise<AttentionMap>>()
      const cast = castOf(walk)
      const story = tellStory(cast, await this.#allMaps(model, cast.passage, maps, signal))
      if (signal.aborted) return
      this.#maps = maps
      batch(() => {
        const shown = { model, walk, story }
        this.#shown.value = shown
        this.quoting.follow(shown)
        const run = runOf(model, walk)
        this.#runs.value = [...this.#runs.value.filter(({ subject }) => subject === run.subject), run]
        if (this.#trouble.value?.where === 'walk') this.#trouble.value = undefined
        this.#busy.value = false
      })
    } catch (error) {
      if (signal.aborted || codeOf(error) === 'device-lost') return
      batch(() => {
        this.#busy.value = false
        this.#trouble.value = { where: 'walk', message: messageOf(error) }
      })
    }
  }

  #map(
    attention: AttentionName,
    passage: number,
    maps: Map<string, Promise<AttentionMap>>,
    signal: AbortSignal,
  ): Promise<AttentionMap> {
    const key = `${attention}/${passage}`
    const held = maps.get(key)
    if (held) return held
    const map = this.engine.attention(attention, passage, signal)
    map.catch(() => maps.delete(key))
    maps.set(key, map)
    return map
  }

  #allMaps(
    { reader }: ModelInfo,
    passage: number,
    maps: Map<string, Promise<AttentionMap>>,
    signal: AbortSignal,
  ): Promise<AttentionMap[]> {
    return Promise.all(reader.attentions.map(({ name }) => this.#map(name, passage, maps, signal)))
  }
}

function runOf({ backend, reader }: ModelInfo, { scene, milliseconds, answer }: Walk): Run {
  const { text, logProb } = answer
  return { backend, subject: JSON.stringify([reader.name, scene]), milliseconds, answer: text, logProb }
}

/** What went wrong with a backend, and which one computes now. */
function backendTrouble({ message }: Error, { backend }: ModelInfo): Trouble {
  return { where: 'backend', message: `${message}. What is shown is computed by ${backend.description}.` }
}
