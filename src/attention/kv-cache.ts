/**
 * Keys and values of the positions that were already read, so that a decoding step computes only its own. The buffers lie in
 * the backend's memory and are made once for the longest output that is expected; beyond it they grow by doubling. A step
 * writes into them and gets views back.
 */
import type { Backend, Kernels } from '../backends/index.js'
import type { Float } from '../tensor/ops/index.js'

export interface KeysAndValues {
  /** [batch, heads, seq, headDim] */
  readonly key: Float
  /** [batch, heads, seq, headDim] */
  readonly value: Float
}

/** Row i goes on from row `parents[i]`, with which it has the positions before `starts[i]` in common. */
export interface RowOrder {
  readonly parents: readonly number[]
  readonly starts: readonly number[]
}

export class KeyValueCache {
  readonly #backend: Backend
  #capacity: number
  #length = 0
  #buffers: KeysAndValues | undefined
  readonly #orders: RowOrder[] = []

  /** @param capacity positions to make room for at first */
  constructor(backend: Backend, capacity = 0) {
    this.#backend = backend
    this.#capacity = capacity
  }

  /** Positions held. */
  get length(): number {
    return this.#length
  }

  /** All keys and values held, as views. Undefined while empty. */
  get held(): KeysAndValues | undefined {
    if (!this.#buffers) return undefined
    const { key, value } = this.#buffers
    return { key: key.slice(2, 0, this.#length), value: value.slice(2, 0, this.#length) }
  }

  /** Adds positions and returns all that are held, the new ones last. */
  append({ key, value }: KeysAndValues, kernels: Kernels): KeysAndValues {
    for (const order of this.#orders.splice(0)) this.#apply(order, kernels)
    const end = this.#length + key.shape[2]
    const buffers = this.#withRoomFor(end, key.shape, kernels)
    kernels.copyInto(buffers.key.slice(2, this.#length, end), key)
    kernels.copyInto(buffers.value.slice(2, this.#length, end), value)
    this.#length = end
    return this.held!
  }

  /** Reorders the rows, or makes more of them. It happens with the next append, which has kernels to copy with. */
  reorder(order: RowOrder): void {
    if (this.#buffers) this.#orders.push(order)
  }

  /** Gives back the buffers. Idempotent. */
  dispose(): void {
    if (this.#buffers) this.#free(this.#buffers)
    this.#buffers = undefined
    this.#length = 0
    this.#orders.length = 0
  }

  #withRoomFor(length: number, [batch, heads, , headDim]: readonly number[], kernels: Kernels): KeysAndValues {
    if (this.#buffers && length <= this.#buffers.key.shape[2]) return this.#buffers
    if (length > this.#capacity) this.#capacity = Math.max(length, 2 * (this.#buffers ? this.#capacity : 0))
    const larger = this.#allocate([batch, heads, this.#capacity, headDim])
    const held = this.held
    if (held) {
      kernels.copyInto(larger.key.slice(2, 0, this.#length), held.key)
      kernels.copyInto(larger.value.slice(2, 0, this.#length), held.value)
      this.#free(this.#buffers!)
    }
    return (this.#buffers = larger)
  }

  #apply({ parents, starts }: RowOrder, kernels: Kernels): void {
    const buffers = this.#buffers!
    const copy = (to: KeysAndValues, row: number, from: KeysAndValues, parent: number, start: number) => {
      for (const part of ['key', 'value'] as const) {
        const target = to[part].slice(0, row, row + 1).slice(2, start, this.#length)
        kernels.copyInto(target, from[part].slice(0, parent, parent + 1).slice(2, start, this.#length))
      }
    }
    const [rows, heads, capacity, headDim] = buffers.key.shape
    if (parents.length !== rows) {
      this.#buffers = this.#allocate([parents.length, heads, capacity, headDim])
      for (const [row, parent] of parents.entries()) copy(this.#buffers, row, buffers, parent, 0)
      this.#free(buffers)
      return
    }
    // A row is written once nobody reads it any more; of rows that wait for each other in a circle, one is set aside.
    let waiting = Array.from(parents.keys()).filter((row) => parents[row] !== row && starts[row] < this.#length)
    let aside: { readonly row: number; readonly content: KeysAndValues } | undefined
    while (waiting.length > 0) {
      const isFree = (row: number) => row === aside?.row || !waiting.some((reader) => parents[reader] === row)
      const row = waiting.find(isFree)
      if (row === undefined) {
        const content: KeysAndValues = aside?.content ?? this.#allocate([1, heads, capacity, headDim])
        copy(content, 0, buffers, waiting[0], 0)
        aside = { row: waiting[0], content }
        continue
      }
      if (parents[row] === aside?.row) copy(buffers, row, aside.content, 0, starts[row])
      else copy(buffers, row, buffers, parents[row], starts[row])
      waiting = waiting.filter((other) => other !== row)
    }
    if (aside) this.#free(aside.content)
  }

  #allocate(shape: readonly number[]): KeysAndValues {
    return { key: this.#backend.allocate(shape), value: this.#backend.allocate(shape) }
  }

  #free({ key, value }: KeysAndValues): void {
    this.#backend.free(key)
    this.#backend.free(value)
  }
}
