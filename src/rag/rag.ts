/**
 * The pipeline: a question, the passages that are nearest to it, an answer from each, and one answer from all of them. Retrieval, reading
 * and mathematics are in retriever.ts, reader.ts and marginalise.ts; here is their order.
 */
import { defaultBackend } from '../backends/index.js'
import { InputError } from '../errors.js'
import { subfolder, type FolderLike } from '../files/folder.js'
import { openPretrained, type HubOptions } from '../hub/index.js'
import type { FromPretrainedOptions } from '../models/index.js'
import { DEFAULT_WEIGHTS } from '../shipped-files.js'
import type { Answer, AnswerToken, Candidate, RagMode } from './answer.js'
import type { Passage } from './corpus.js'
import {
  conditionOnAnswering,
  logPrior,
  marginal,
  mixSequence,
  mixTokens,
  normalizeLog,
  type MixedToken,
} from './marginalise.js'
import { ABSTENTION, Reader, type Reading } from './reader.js'
import { Retriever, type RetrievedPassage } from './retriever.js'
import { SentenceEncoder } from './sentence-encoder.js'

/** What a score is multiplied with before the softmax: cosines lie close together. */
const SCORE_SCALE = 20

export interface RagOptions extends HubOptions, Pick<FromPretrainedOptions, 'backend' | 'dtype' | 'signal'> {
  /** Called while weights are read: what is loaded, tensors done and of all. */
  readonly onProgress?: (what: string, done: number, total: number) => void
}

export interface AskOptions {
  /** Answer from these passages and not from the corpus. An id defaults to the passage's number from 1, a title to ''. */
  readonly passages?: readonly (Pick<Passage, 'text'> & Partial<Passage>)[]
  /** Passages to read; 5 unless told. */
  readonly topK?: number
  /**
   * How passages are mixed into one answer. `rag-sequence` and `rag-token` are the two models of Lewis et al. 2020. `conditioned`,
   * the default, is RAG-Sequence in which a passage that does not hold the answer loses its say.
   */
  readonly mode?: RagMode
  /** Most tokens of an answer; 40 unless told. */
  readonly maxNewTokens?: number
  readonly signal?: AbortSignal
}

const OPTIONS: readonly string[] = ['passages', 'topK', 'mode', 'maxNewTokens', 'signal'] satisfies (keyof AskOptions)[]
const MODES: readonly RagMode[] = ['conditioned', 'rag-sequence', 'rag-token']

/** A candidate with its ids and the log-likelihood of each token under each passage. */
interface Scored {
  readonly ids: readonly number[]
  readonly text: string
  /** [passage][token] */
  readonly tokenLogProbs: readonly (readonly number[])[]
  /** [passage] */
  readonly logLikelihoods: readonly number[]
}

export class Rag {
  readonly reader: Reader
  readonly encoder: SentenceEncoder
  readonly #openRetriever: () => Promise<Retriever>
  #retriever: Promise<Retriever> | undefined
  readonly #dispose: () => void

  private constructor(parts: {
    readonly reader: Reader
    readonly encoder: SentenceEncoder
    readonly openRetriever: () => Promise<Retriever>
    readonly dispose: () => void
  }) {
    this.reader = parts.reader
    this.encoder = parts.encoder
    this.#openRetriever = parts.openRetriever
    this.#dispose = parts.dispose
  }

  /**
   * Loads a folder with `all-MiniLM-L6-v2/`, `reader/` and `world-facts/`; by default the one that comes with the package. The corpus is
   * opened when it is first needed.
   */
  static async fromPretrained(location: FolderLike = DEFAULT_WEIGHTS, options: RagOptions = {}): Promise<Rag> {
    const { onProgress, ...loadOptions } = options
    const folder = await openPretrained(location, options)
    const backend = options.backend ?? (await defaultBackend())
    const disposables: { dispose(): void }[] = options.backend ? [] : [backend]
    const dispose = () => disposables.forEach((held) => held.dispose())
    const load = (what: string) => ({
      ...loadOptions,
      backend,
      onProgress: onProgress && ((done: number, total: number) => onProgress(what, done, total)),
    })
    try {
      const encoder = await SentenceEncoder.fromPretrained(subfolder(folder, 'all-MiniLM-L6-v2'), load('encoder'))
      disposables.unshift(encoder)
      const reader = await Reader.fromPretrained(subfolder(folder, 'reader'), load('reader'))
      disposables.unshift(reader)
      const openRetriever = () => Retriever.fromPretrained(subfolder(folder, 'world-facts'), encoder)
      return new Rag({ reader, encoder, openRetriever, dispose })
    } catch (error) {
      dispose()
      throw error
    }
  }

  /** The retriever over the corpus. */
  retriever(): Promise<Retriever> {
    return (this.#retriever ??= this.#openRetriever())
  }

  /** Answers from `retriever` from now on. */
  use(retriever: Retriever): void {
    this.#retriever = Promise.resolve(retriever)
  }

  /** Gives back the models' memory, and the backend if the pipeline made it. Idempotent; the pipeline is not used afterwards. */
  dispose(): void {
    this.#dispose()
  }

  /**
   * Answers a question. Equal questions, passages and options give equal answers.
   * @throws InputError for an empty or too long question or a wrong option, CorpusError for unusable passages, AbortedError
   */
  async ask(question: string, options: AskOptions = {}): Promise<Answer> {
    checkOptions(options)
    const { mode = 'conditioned', maxNewTokens = 40, signal } = options
    const passages = await this.#retrieve(question, options)
    const priors = logPrior(passages.map(({ score }) => score * SCORE_SCALE))
    const reading = await this.reader.read(question, passages, signal)
    const own = await reading.answers({ maxNewTokens, signal })

    const texts = new Set([...own.map(({ text }) => text), ABSTENTION])
    const scored: Scored[] = []
    for (const text of texts) scored.push(await this.#score(reading, text, signal))
    const abstention =
      scored.at(-1)!.text === ABSTENTION ? scored.at(-1)! : scored.find(({ text }) => text === ABSTENTION)!
    const pAbstain = abstention.logLikelihoods.map((logLikelihood) => Math.min(Math.exp(logLikelihood), 1 - 1e-9))
    const { logPosterior, pAnswerable } = conditionOnAnswering(priors, pAbstain)

    let chosen: Scored
    let tokens: MixedToken[]
    let weights: readonly number[] = priors
    if (mode === 'rag-token') {
      const ids = await reading.answerByToken(priors, { maxNewTokens, signal })
      chosen = await this.#scoreIds(reading, ids, signal)
      tokens = mixTokens(priors, chosen.tokenLogProbs)
    } else {
      const answerable = mode === 'conditioned' && pAnswerable >= 0.5 && scored.length > 1
      if (answerable) weights = logPosterior
      const choices = answerable ? scored.filter((candidate) => candidate !== abstention) : scored
      chosen = mode === 'conditioned' && !answerable ? abstention : mostProbable(choices, weights)
      tokens = mixSequence(weights, chosen.tokenLogProbs)
    }

    const behind = normalizeLog(weights.map((weight, z) => weight + chosen.logLikelihoods[z]))
    return {
      question,
      text: chosen.text,
      mode,
      abstained: chosen.text === ABSTENTION,
      pAnswerable,
      logProb: tokens.reduce((sum, { logProb }) => sum + logProb, 0),
      passages: passages.map((passage, z) => ({
        ...passage,
        prior: Math.exp(priors[z]),
        pAbstain: pAbstain[z],
        posterior: Math.exp(behind[z]),
        answer: own[z].text,
      })),
      tokens: this.#describeTokens(chosen.ids, tokens),
      candidates: scored.map(({ text, logLikelihoods }): Candidate => ({
        text,
        logLikelihoods,
        logProb: marginal(weights, logLikelihoods),
      })),
    }
  }

  async #retrieve(question: string, { passages, topK = 5, signal }: AskOptions): Promise<RetrievedPassage[]> {
    if (!passages) return (await this.retriever()).retrieve(question, topK, { signal })
    const own = passages.map(({ id, title = '', text }, i) => ({ id: id ?? String(i + 1), title, text }))
    const retriever = await Retriever.build(this.encoder, own, { signal })
    return retriever.retrieve(question, topK, { signal })
  }

  #score(reading: Reading, text: string, signal?: AbortSignal): Promise<Scored> {
    return this.#scoreIds(reading, this.reader.tokenizer.encode(text).ids, signal)
  }

  async #scoreIds(reading: Reading, ids: readonly number[], signal?: AbortSignal): Promise<Scored> {
    const tokenLogProbs = await reading.score(ids, signal)
    const logLikelihoods = tokenLogProbs.map((row) => row.reduce((sum, logProb) => sum + logProb, 0))
    return { ids, text: this.reader.tokenizer.decode(ids), tokenLogProbs, logLikelihoods }
  }

  /** A token's text is what it adds to the text of those before it: bytes of one character may come from two tokens. */
  #describeTokens(ids: readonly number[], mixed: readonly MixedToken[]): AnswerToken[] {
    let before = ''
    return ids.map((id, t) => {
      const upTo = this.reader.tokenizer.decode(ids.slice(0, t + 1))
      const incomplete = upTo.endsWith('\ufffd') && t < ids.length - 1
      const text = incomplete ? '' : upTo.slice(before.length)
      if (!incomplete) before = upTo
      return { id, text, ...mixed[t] }
    })
  }
}

function mostProbable(candidates: readonly Scored[], weights: readonly number[]): Scored {
  const logProbs = candidates.map(({ logLikelihoods }) => marginal(weights, logLikelihoods))
  return candidates[logProbs.indexOf(Math.max(...logProbs))]
}

function checkOptions(options: AskOptions): void {
  const unknown = Object.keys(options).filter((key) => !OPTIONS.includes(key))
  if (unknown.length > 0)
    throw new InputError('unknown-option', `ask: unknown option ${unknown.join(', ')}; known: ${OPTIONS.join(', ')}`)
  const { topK = 1, maxNewTokens = 1, mode = 'conditioned' } = options
  for (const [name, value] of Object.entries({ topK, maxNewTokens })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new InputError('bad-option', `ask: ${name} is ${value}, expected a whole number of 1 or more`)
  }
  if (!MODES.includes(mode))
    throw new InputError('bad-option', `ask: mode is "${mode}", expected one of ${MODES.join(', ')}`)
}
