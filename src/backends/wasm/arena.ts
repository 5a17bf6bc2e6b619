/**
 * The memory of one pass: a stack. Tensors are put on top of each other, and the end of a scope takes everything off that was put
 * on since its beginning. The stack lies in chunks of the heap. After a pass its single chunk is kept for the next one; where there
 * were several, the next pass gets one of their size, so that the steps of a decoder take the same bytes again and again.
 */
import type { Heap } from './heap.js'

interface Chunk {
  readonly address: number
  readonly size: number
  top: number
}

/** A height of the stack. */
export interface Mark {
  readonly chunk: number
  readonly top: number
}

const ALIGN = 64
const SMALLEST_CHUNK = 256 * 1024

export class Arena {
  readonly #heap: Heap
  readonly #chunks: Chunk[] = []
  #firstChunk = SMALLEST_CHUNK
  #current = -1

  constructor(heap: Heap) {
    this.#heap = heap
  }

  allocate(bytes: number): number {
    const size = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN)
    let chunk = this.#chunks[this.#current]
    while (!chunk || chunk.top + size > chunk.address + chunk.size) {
      if (this.#current + 1 >= this.#chunks.length) this.#addChunk(size)
      chunk = this.#chunks[++this.#current]
      chunk.top = chunk.address
    }
    const address = chunk.top
    chunk.top += size
    return address
  }

  mark(): Mark {
    return { chunk: this.#current, top: this.#chunks[this.#current]?.top ?? 0 }
  }

  /** The mark below a block, where it is the topmost one; else the present height. */
  markBelow(address: number, bytes: number): Mark {
    const chunk = this.#chunks[this.#current]
    const isTop =
      chunk !== undefined && address >= chunk.address && Math.ceil((address + bytes) / ALIGN) * ALIGN === chunk.top
    return isTop ? { chunk: this.#current, top: address } : this.mark()
  }

  /** Whether a block lies above a mark. */
  isAbove(address: number, { chunk: level, top }: Mark): boolean {
    return this.#chunks.some(
      ({ address: start, size }, at) =>
        address >= start && address < start + size && (at > level || (at === level && address >= top)),
    )
  }

  release({ chunk, top }: Mark): void {
    this.#current = chunk
    if (chunk >= 0) this.#chunks[chunk].top = top
  }

  /** Takes everything off and makes ready for the next pass. */
  reset(): void {
    this.#current = -1
    if (this.#chunks.length < 2) return
    this.#firstChunk = this.#byteLength
    this.dispose()
  }

  /** Gives all chunks back to the heap. */
  dispose(): void {
    for (const { address } of this.#chunks.splice(0)) this.#heap.free(address)
    this.#current = -1
  }

  get #byteLength(): number {
    return this.#chunks.reduce((sum, { size }) => sum + size, 0)
  }

  #addChunk(least: number): void {
    const size = Math.max(least, this.#chunks.length === 0 ? this.#firstChunk : this.#byteLength)
    const address = this.#heap.allocate(size)
    this.#chunks.push({ address, size, top: address })
  }
}
