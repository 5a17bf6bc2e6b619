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

export class KeyValueCache {
  readonly #backend: Backend
  #capacity: number
  #length = 0
  #buffers: KeysAndValues | undefined

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
    const end = this.#length + key.shape[2]
    const buffers = this.#withRoomFor(end, key.shape, kernels)
    kernels.copyInto(buffers.key.slice(2, this.#length, end), key)
    kernels.copyInto(buffers.value.slice(2, this.#length, end), value)
    this.#length = end
    return this.held!
  }

  /** Gives back the buffers. Idempotent. */
  dispose(): void {
    if (this.#buffers) for (const buffer of Object.values(this.#buffers)) this.#backend.free(buffer)
    this.#buffers = undefined
    this.#length = 0
  }

  #withRoomFor(length: number, [batch, heads, , headDim]: readonly number[], kernels: Kernels): KeysAndValues {
    if (this.#buffers && length <= this.#buffers.key.shape[2]) return this.#buffers
    if (length > this.#capacity) this.#capacity = Math.max(length, 2 * (this.#buffers ? this.#capacity : 0))
    const shape = [batch, heads, this.#capacity, headDim]
    const larger = { key: this.#backend.allocate(shape), value: this.#backend.allocate(shape) }
    const held = this.held
    if (held) {
      kernels.copyInto(larger.key.slice(2, 0, this.#length), held.key)
      kernels.copyInto(larger.value.slice(2, 0, this.#length), held.value)
      for (const buffer of Object.values(this.#buffers!)) this.#backend.free(buffer)
    }
    return (this.#buffers = larger)
  }
}
