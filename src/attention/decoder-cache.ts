/**
 * What a decoder remembers between the steps of one decoding, for all its layers, and the order of its rows. Rows of a beam search
 * descend from each other; the cache knows since when two of them differ, and copies only what came after.
 */
import type { Backend, Kernels } from '../backends/index.js'
import { InputError } from '../errors.js'
import { KeyValueCache } from './kv-cache.js'

/** Keys and values of one decoder layer: its own, which grow, and those of the encoder's states, made once. */
export interface LayerCache {
  readonly self: KeyValueCache
  /** Rows of one source share it; so it is never reordered. Stays empty in a decoder without an encoder. */
  readonly cross: KeyValueCache
}

export interface DecoderCacheOptions {
  readonly numLayers: number
  /** Tokens to make room for at first. */
  readonly capacity?: number
}

export class DecoderCache {
  readonly layers: readonly LayerCache[]
  /** For each row and position, the number of the token that was read there: equal numbers are one token of one history. */
  #histories: number[][] = []
  #tokens = 0

  constructor(backend: Backend, { numLayers, capacity = 32 }: DecoderCacheOptions) {
    this.layers = Array.from({ length: numLayers }, () => ({
      self: new KeyValueCache(backend, capacity),
      cross: new KeyValueCache(backend),
    }))
  }

  /** Tokens held in each row. */
  get length(): number {
    return this.layers[0].self.length
  }

  /** Row i goes on from row parents[i]. There may be more parents than there were rows. */
  reorder(parents: readonly number[]): void {
    const before = this.#upToNow()
    if (before.length === 0) return
    const wrong = parents.find((parent) => !(parent in before))
    if (wrong !== undefined) throw new InputError('bad-row', `reorder: there is no row ${wrong} of ${before.length}`)
    const starts = parents.map((parent, row) => firstDifference(before[parent], before[row] ?? []))
    for (const { self } of this.layers) self.reorder({ parents, starts })
    this.#histories = parents.map((parent) => [...before[parent]])
  }

  /** Begins with the first `length` positions of another cache's first row, in each of `rows` rows. The other stays as it is. */
  adopt(prefix: DecoderCache, length: number, rows: number, kernels: Kernels): void {
    for (const [index, { self }] of this.layers.entries()) {
      const { key, value } = prefix.layers[index].self.held!
      const [, heads, , headDim] = key.shape
      const shape = [rows, heads, length, headDim]
      const part = (of: typeof key) => of.slice(0, 0, 1).slice(2, 0, length).broadcastTo(shape)
      self.append({ key: part(key), value: part(value) }, kernels)
    }
    const shared = Array.from({ length }, () => this.#tokens++)
    this.#histories = Array.from({ length: rows }, () => [...shared])
  }

  /** Gives back its memory. Idempotent. */
  dispose(): void {
    for (const { self, cross } of this.layers) {
      self.dispose()
      cross.dispose()
    }
  }

  /** The histories with the tokens that were read since they were last asked for, of which no two are one. */
  #upToNow(): number[][] {
    const rows = this.#histories.length || (this.layers[0].self.held?.key.shape[0] ?? 0)
    return (this.#histories = Array.from({ length: rows }, (_, row) => {
      const history = this.#histories[row] ?? []
      while (history.length < this.length) history.push(this.#tokens++)
      return history
    }))
  }
}

function firstDifference(left: readonly number[], right: readonly number[]): number {
  const index = left.findIndex((token, i) => token !== right[i])
  return index < 0 ? left.length : index
}
