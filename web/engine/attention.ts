/**
 * Attention of the last walk: a model's passes once more, with every tensor of the attention layers recorded for one passage. The maps and all
 * numbers behind a cell are read from what was recorded; only the sums of products that a cell shows are added up here. Which model that
 * is, the reader or the span reader, is what a {@link Watched} says.
 */
import { InputError, record, type HookPoint, type HooksLike, type Trace } from 'glassformer'
import { rowMajor } from '../../src/tensor/ops/float.js'
import type { Float } from '../../src/tensor/ops/index.js'
import type { AttentionCell, AttentionMap, AttentionName, ReaderInfo, Token } from '../protocol.js'
import type { CellName } from './methods.js'
import type { Models } from './models.js'
import { checkHeads, type Walked } from './walk.js'

/** Passages whose recordings are kept: those that were looked at last. */
const KEPT = 4

/** Scores from here on are those of keys that a mask hides. */
const HIDDEN = -1e38

/** A model that has read the passages of a walk, and can be watched doing it again. */
export interface Watched {
  readonly info: ReaderInfo
  readonly passages: number
  hookPoints(): readonly HookPoint[]
  /** The tokens of the rows and columns of a map. */
  tokens(attention: AttentionName, passage: number): { queries: readonly Token[]; keys: readonly Token[] }
  /** Its row in the batch that `run` computes. */
  row(passage: number): number
  run(passage: number, recording: HooksLike, signal: AbortSignal): Promise<void>
}

/** The reader, which reads all passages together and writes the walk's answer. */
export function watchReader({ reader, info }: Models, { walk, answerIds, hooks }: Walked): Watched {
  const { answer, sources, target } = walk
  return {
    info: info.reader,
    passages: answer.passages.length,
    hookPoints: () => reader.model.hookPoints(),
    tokens: (attention, passage) => {
      const { stack, kind } = info.reader.attentions.find(({ name }) => name === attention)!
      const source = sources[passage]
      return {
        queries: stack === 'encoder' ? source : target,
        keys: kind === 'self' && stack === 'decoder' ? target : source,
      }
    },
    row: (passage) => passage,
    run: async (_, recording, signal) => {
      // before the ablations, which stand behind: what a head computes is shown also where it is taken out
      const options = { hooks: [recording, hooks], signal }
      const reading = await reader.read(answer.question, answer.passages, options)
      await reading.logProbs(answerIds, options)
    },
  }
}

export class Attentions {
  readonly #watched: Watched
  readonly #recorded = new Map<number, Trace>()

  constructor(watched: Watched) {
    this.#watched = watched
  }

  /** @throws InputError when there is no such attention or passage, AbortedError */
  async map(attention: AttentionName, passage: number, signal: AbortSignal): Promise<AttentionMap> {
    checkHeads([{ attention, head: 0 }], this.#info)
    const trace = await this.#record(passage, signal)
    const { queries, keys } = this.#watched.tokens(attention, passage)
    const probs = this.#part(trace, attention, passage, 'probs') // [heads, query, key]
    return { attention, passage, queries, keys, numHeads: this.#info.numHeads, probs: rowMajor(probs.copy()) }
  }

  /** @throws InputError when there is no such cell, AbortedError */
  async cell({ attention, passage, head, query, key }: CellName, signal: AbortSignal): Promise<AttentionCell> {
    checkHeads([{ attention, head }], this.#info)
    const trace = await this.#record(passage, signal)
    const { queries, keys } = this.#watched.tokens(attention, passage)
    if (!(query in queries) || !(key in keys)) {
      throw new InputError(
        'no-cell',
        `${attention} has no cell ${query}, ${key}: it is ${queries.length} by ${keys.length}`,
      )
    }
    const row = (point: string, at: number) =>
      rowMajor(this.#part(trace, attention, passage, point).select(0, head).select(0, at).copy())
    const [q, k, v] = [row('q', query), row('k', key), row('v', key)] // [headDim] each
    const [rowScores, rowProbs] = [row('scores', query), row('probs', query)] // [key] each
    const prob = rowProbs[key]
    return {
      attention,
      passage,
      head,
      query,
      key,
      q,
      k,
      v,
      dot: q.reduce((sum, value, i) => sum + value * k[i], 0),
      scale: this.#points(({ name }) => name === `${attention}.scores`)[0].scale!,
      bias: rowScores[key] < HIDDEN ? -Infinity : this.#positionBias(trace, { attention, head, query, key }),
      score: rowScores[key],
      rowScores,
      rowProbs,
      prob,
      weighted: v.map((value) => prob * value),
      context: row('context', query),
    }
  }

  get #info(): ReaderInfo {
    return this.#watched.info
  }

  #points(wanted: (point: HookPoint) => boolean): readonly HookPoint[] {
    return this.#watched.hookPoints().filter(wanted)
  }

  /** What passed a point of an attention for the passage, without the padding of its batch. [heads, query or key, …] */
  #part(trace: Trace, attention: AttentionName, passage: number, point: string): Float {
    const [tensor] = trace.get(`${attention}.${point}`)!
    const { queries, keys } = this.#watched.tokens(attention, passage)
    const shaped = tensor.point.shape.slice(1) // without the batch
    return shaped.reduce<Float>((part, size, axis) => {
      if (size === 'query') return part.slice(axis, 0, queries.length)
      return size === 'key' ? part.slice(axis, 0, keys.length) : part
    }, tensor)
  }

  /** What a T5 adds to the scores of its self-attention for the distance; 0 where positions are in the embeddings. */
  #positionBias(trace: Trace, { attention, head, query, key }: Omit<CellName, 'passage'>): number {
    const { stack, kind } = this.#info.attentions.find(({ name }) => name === attention)!
    const bias = kind === 'self' ? trace.get(`${stack}.position_bias`)?.[0] : undefined
    return bias ? rowMajor(bias.select(0, 0).select(0, head).select(0, query).copy())[key] : 0
  }

  async #record(passage: number, signal: AbortSignal): Promise<Trace> {
    const { passages } = this.#watched
    if (!Number.isInteger(passage) || passage < 0 || passage >= passages) {
      throw new InputError('no-passage', `there is no passage ${passage}; ${passages} were read`)
    }
    const held = this.#recorded.get(passage)
    if (held) return held
    const points = this.#points(({ name }) => /_attention\.(?!out$)|position_bias$/.test(name))
    const row = this.#watched.row(passage)
    const { trace } = await record(
      (recording) => this.#watched.run(passage, recording, signal),
      points.map(({ name }) => name),
      { keep: (tensor, { shape }) => (shape[0] === 'batch' ? tensor.select(0, row) : tensor) },
    )
    this.#recorded.set(passage, trace)
    const [oldest] = this.#recorded.keys()
    if (this.#recorded.size > KEPT) this.#recorded.delete(oldest)
    return trace
  }
}
