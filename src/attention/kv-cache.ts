/**
 * Keys and values of the positions that were already read, so that a decoding step computes only its own. The buffers grow by
 * doubling; a step writes into them and gets views back.
 */
import type { Float } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'

export interface KeysAndValues {
  /** [batch, heads, seq, headDim] */
  readonly key: Float
  /** [batch, heads, seq, headDim] */
  readonly value: Float
}

export class KeyValueCache {
  #length = 0
  #key: Float | undefined
  #value: Float | undefined

  /** Positions held. */
  get length(): number {
    return this.#length
  }

  /** All keys and values held, as views. Undefined while empty. */
  get held(): KeysAndValues | undefined {
    if (!this.#key || !this.#value) return undefined
    return { key: this.#key.slice(2, 0, this.#length), value: this.#value.slice(2, 0, this.#length) }
  }

  /** Adds positions and returns all that are held, the new ones last. */
  append({ key, value }: KeysAndValues): KeysAndValues {
    const end = this.#length + key.shape[2]
    this.#key = write(this.#key, key, this.#length)
    this.#value = write(this.#value, value, this.#length)
    this.#length = end
    return { key: this.#key.slice(2, 0, end), value: this.#value.slice(2, 0, end) }
  }
}

/** Copies `added` to position `at` of the buffer, which is replaced by one of twice the room when it is full. */
function write(buffer: Float | undefined, added: Float, at: number): Float {
  const [batch, heads, count, headDim] = added.shape
  const capacity = buffer?.shape[2] ?? 0
  if (!buffer || at + count > capacity) {
    const larger = Tensor.zeros('float32', [batch, heads, Math.max(at + count, 2 * capacity), headDim])
    if (buffer) copyInto(larger, buffer.slice(2, 0, at), 0)
    buffer = larger
  }
  copyInto(buffer, added, at)
  return buffer
}

function copyInto(buffer: Float, source: Float, at: number): void {
  const [batch, heads, count, headDim] = source.shape
  const [batchStep, headStep, seqStep, step] = source.stride
  for (let row = 0; row < batch * heads * count; row++) {
    const [b, h, position] = [Math.floor(row / (heads * count)), Math.floor(row / count) % heads, row % count]
    const from = source.offset + b * batchStep + h * headStep + position * seqStep
    const to = b * buffer.stride[0] + h * buffer.stride[1] + (at + position) * headDim
    for (let d = 0; d < headDim; d++) buffer.data[to + d] = source.data[from + d * step]
  }
}
