/**
 * The walk from question to answer: retrieval, the scene's own changes to it, the reader's answer, and what each passage would write at
 * each step of it. It is made of the parts that `Rag.ask` is made of, and keeps them, so that the views which are asked for later show
 * this very run.
 */
import {
  ablateHead,
  InputError,
  Retriever,
  SCORE_SCALE,
  weighPassages,
  type Answer,
  type HooksLike,
  type RetrievedPassage,
  type Tokenizer,
} from 'glassformer'
import type { Reading } from '../../src/rag/reading/reading.js'
import { topK, type Float } from '../../src/tensor/ops/index.js'
import { rowMajor } from '../../src/tensor/ops/float.js'
import type { HeadName, Likely, RankedPassage, ReaderInfo, Scene, ScenePassage, Step, Walk } from '../protocol.js'
import type { Models } from './models.js'
import { searchServed, type ServedPassages } from './served.js'
import { questionTokens, sourceTokens, targetTokens, tokenText } from './tokens.js'

/** Passages of the ranking that the page gets. */
const RANKED = 200
/** Passages that the server is asked for, if no more are read. */
const SERVED = 20
/** Tokens of a distribution that the page gets. */
const LIKELIEST = 10

export interface WalkOptions {
  readonly onWriting: (text: string) => void
  readonly signal: AbortSignal
}

/** A walk with what its views need. */
export interface Walked {
  readonly walk: Walk
  /** The question as it was read with each of the walk's passages. */
  readonly reading: Reading
  /** Ids of the answer, its end included. */
  readonly answerIds: readonly number[]
  /** The scene's changes to the reader. */
  readonly hooks: HooksLike
}

/** What retrieval gives to a walk. */
type Found = Pick<Walk, 'questionVector' | 'stages' | 'ranking' | 'allScores'>

export class Walker {
  readonly #models: Pick<Models, 'reader' | 'info' | 'retriever'>
  /** The retriever over the passages that were given last. */
  #own: { readonly passages: string; readonly retriever: Retriever } | undefined
  /** What the server found last. */
  #served: ({ readonly asked: string } & ServedPassages) | undefined

  constructor(models: Pick<Models, 'reader' | 'info' | 'retriever'>) {
    this.#models = models
  }

  /** @throws InputError, CorpusError, AbortedError */
  async walk(scene: Scene, { onWriting, signal }: WalkOptions): Promise<Walked> {
    const { reader, info } = this.#models
    checkScene(scene, info.reader)
    const hooks = ablations(scene.ablated)
    const started = performance.now()
    const found = scene.served ? await this.#ask(scene, signal) : await this.#search(scene, signal)
    const passages = weighPassages(chosenPassages(found.ranking, scene))
    const retrieved = performance.now()

    let written = ''
    const onText = (piece: string) => onWriting((written += piece))
    const { question, mode } = scene
    const { tokenizer } = reader
    const reading = await reader.read(question, passages, { hooks, signal })
    const options = { mode, sources: true, hooks, onText, signal }
    const answer = await reader.answerFrom(reading, question, passages, options)
    const answerIds = answer.tokens.map(({ id }) => id)
    const logProbs = await reading.logProbs(answerIds, { hooks, signal }) // [passages, tokens, vocabulary]
    const read = performance.now()

    const { encoder } = this.#models.retriever
    const { decoderStartTokenId } = reader.model.generationConfig
    const walk: Walk = {
      scene,
      questionTokens: questionTokens(question, encoder.tokenizer),
      ...found,
      scoreScale: passages[0].scores?.reranker === undefined ? SCORE_SCALE : 1,
      answer,
      sources: passages.map((passage) => sourceTokens(passage, question, tokenizer)),
      target: targetTokens(answer.tokens, decoderStartTokenId, tokenizer),
      steps: stepsOf(answer, logProbs, {
        tokenizer,
        crossHeld: Math.max(...reading.inputIds.map((ids) => ids.length)),
      }),
      milliseconds: { retrieve: retrieved - started, read: read - retrieved },
    }
    return { walk, reading, answerIds, hooks }
  }

  /** The dot product with every passage. */
  async #search({ question, passages }: Scene, signal: AbortSignal): Promise<Found> {
    const retriever = await this.#retriever(passages, signal)
    const { index } = retriever
    const questionVector = await retriever.embed(question, { signal })
    const rowOf = new Map(retriever.passages.map(({ id }, row) => [id, row]))
    const ranking = (await retriever.search(questionVector, RANKED)).map((passage) => ({
      ...passage,
      vector: index.vector(rowOf.get(passage.id)!),
    }))
    const allScores = Float32Array.from({ length: index.count }, (_, row) => index.score(row, questionVector))
    return { questionVector, stages: undefined, ranking, allScores }
  }

  /** What the server finds. Changes to the scene that its search does not depend on do not ask it again. */
  async #ask({ question, topK }: Scene, signal: AbortSignal): Promise<Found> {
    const questionVector = await this.#models.retriever.embed(question, { signal })
    const asked = { question, topK: Math.max(topK, SERVED) }
    const key = JSON.stringify(asked)
    if (this.#served?.asked !== key) {
      this.#served = { asked: key, ...(await searchServed(asked.question, asked.topK, signal)) }
    }
    const { stages, passages: ranking } = this.#served
    return { questionVector, stages, ranking, allScores: new Float32Array(0) }
  }

  async #retriever(passages: readonly ScenePassage[] | undefined, signal: AbortSignal): Promise<Retriever> {
    if (passages === undefined) return this.#models.retriever
    const key = JSON.stringify(passages)
    if (this.#own?.passages !== key) {
      const own = passages.map(({ id, title, text }) => ({ id, title, text }))
      this.#own = { passages: key, retriever: await Retriever.build(this.#models.retriever.encoder, own, { signal }) }
    }
    return this.#own.retriever
  }
}

/** Hooks that take these heads out. */
export function ablations(heads: readonly HeadName[]): HooksLike {
  return heads.map(({ attention, head }) => ablateHead(attention, head))
}

/** The heads of a scene, or of a question about it, must be the reader's. @throws InputError */
export function checkHeads(heads: readonly HeadName[], { attentions, numHeads }: ReaderInfo): void {
  for (const { attention, head } of heads) {
    if (!attentions.some(({ name }) => name === attention)) {
      throw new InputError('unknown-attention', `this reader has no ${attention}`)
    }
    if (!Number.isInteger(head) || head < 0 || head >= numHeads) {
      throw new InputError('unknown-head', `${attention} has heads 0 to ${numHeads - 1}, not ${head}`)
    }
  }
}

function checkScene({ topK, scores, ablated }: Scene, reader: ReaderInfo): void {
  if (!Number.isSafeInteger(topK) || topK < 1) {
    throw new InputError('bad-option', `the number of passages is ${topK}, expected a whole number of 1 or more`)
  }
  for (const [id, score] of Object.entries(scores)) {
    if (!Number.isFinite(score)) throw new InputError('bad-option', `the score of passage ${id} is not a number`)
  }
  checkHeads(ablated, reader)
}

/**
 * The first k by their scores, or those that the scene puts in their place, without the ones that are left out. The server's order is that of
 * its last stage, and stays.
 */
function chosenPassages(ranking: readonly RankedPassage[], scene: Scene): RetrievedPassage[] {
  const { served, topK, dropped } = scene
  const scored = ranking.map(({ id, title, text, score, scores, ranks }) => {
    return { id, title, text, score: served ? score : (scene.scores[id] ?? score), scores, ranks }
  })
  const chosen = (served ? scored : scored.sort((a, b) => b.score - a.score))
    .slice(0, topK)
    .filter(({ id }) => !dropped.includes(id))
  if (chosen.length > 0) return chosen
  throw new InputError('no-passages', 'all passages are left out; put one back, or read more of them')
}

/** [passages, tokens, vocabulary] -> what every passage, and the mixture, says at each token of the answer. */
function stepsOf(
  answer: Answer,
  logProbs: Float,
  { tokenizer, crossHeld }: { readonly tokenizer: Tokenizer; readonly crossHeld: number },
): Step[] {
  const [passages, tokens, vocabulary] = logProbs.shape
  const values = rowMajor(logProbs)
  const likely = (id: number, probability: number): Likely => ({ id, text: tokenText(id, tokenizer), probability })
  const likeliest = (distribution: Float32Array): Likely[] => {
    const { values: top, indices } = topK(distribution, Math.min(LIKELIEST, vocabulary))
    return Array.from(indices, (id, i) => likely(id, top[i]))
  }
  return answer.tokens.map(({ id, logProb }, t) => {
    const weights = weightsAt(answer, t)
    const mixture = new Float32Array(vocabulary) // Σ_z weight_z p(token|z, tokens before)
    const each = Array.from({ length: passages }, (_, z) => {
      const start = (z * tokens + t) * vocabulary
      const distribution = values.subarray(start, start + vocabulary).map(Math.exp)
      for (let token = 0; token < vocabulary; token++) mixture[token] += weights[z] * distribution[token]
      return { likeliest: likeliest(distribution), chosen: distribution[id], weight: weights[z] }
    })
    return {
      chosen: likely(id, Math.exp(logProb)),
      passages: each,
      mixture: likeliest(mixture),
      cache: { held: t, added: 1, crossHeld },
    }
  })
}

/**
 * The share of each passage in the mixture that token t comes from. RAG-Token draws a passage anew for every token; RAG-Sequence
 * draws one for the whole answer, so the tokens before say which it probably was.
 */
function weightsAt({ mode, passages, tokens }: Answer, t: number): readonly number[] {
  return mode === 'rag-token' || t === 0 ? passages.map(({ weight }) => weight) : tokens[t - 1].posterior
}
