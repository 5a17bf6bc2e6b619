/**
 * The heap of a wasm memory: who owns which bytes. Blocks are taken from the smallest free piece that holds them, freed pieces
 * join their neighbours, and the memory grows only when no piece is large enough.
 */
import { GlassformerError } from '../../errors.js'

const PAGE = 65536
/** Blocks begin at multiples of a cache line. */
const ALIGN = 64

interface Piece {
  start: number
  end: number
}

export class Heap {
  readonly #memory: WebAssembly.Memory
  /** In the order of their addresses; no two touch. */
  readonly #free: Piece[]
  readonly #sizes = new Map<number, number>()
  readonly #onGrow: () => void
  /** Blocks handed out so far. */
  allocations = 0

  /** @param start first byte that the heap may hand out */
  constructor(memory: WebAssembly.Memory, start: number, onGrow: () => void) {
    this.#memory = memory
    this.#free = [{ start, end: memory.buffer.byteLength }]
    this.#onGrow = onGrow
  }

  /** Bytes of the memory, free ones included. */
  get byteLength(): number {
    return this.#memory.buffer.byteLength
  }

  /** Bytes that are handed out. */
  get used(): number {
    let sum = 0
    for (const size of this.#sizes.values()) sum += size
    return sum
  }

  /** Address of a block of at least `bytes` bytes, at a multiple of 64. Its content is what was there before. */
  allocate(bytes: number): number {
    const size = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN)
    const piece = this.#smallestOf(size) ?? this.#grow(size)
    const address = piece.start
    piece.start += size
    if (piece.start === piece.end) this.#free.splice(this.#free.indexOf(piece), 1)
    this.#sizes.set(address, size)
    this.allocations++
    return address
  }

  /** Gives a block back. @throws TypeError for an address that is not that of a block */
  free(address: number): void {
    const size = this.#sizes.get(address)
    if (size === undefined) throw new TypeError(`heap: ${address} is not the address of a block`)
    this.#sizes.delete(address)
    this.#release({ start: address, end: address + size })
  }

  #smallestOf(size: number): Piece | undefined {
    let best: Piece | undefined
    for (const piece of this.#free) {
      const room = piece.end - piece.start
      if (room >= size && (!best || room < best.end - best.start)) best = piece
    }
    return best
  }

  #grow(size: number): Piece {
    const end = this.byteLength
    const last = this.#free.at(-1)
    const atEnd = last?.end === end ? last.end - last.start : 0
    const pages = Math.ceil((size - atEnd) / PAGE)
    try {
      this.#memory.grow(pages)
    } catch (error) {
      const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`
      throw new GlassformerError(
        'out-of-memory',
        `wasm: ${mebibytes(size)} more are needed, ${mebibytes(this.used)} are in use and the memory cannot grow; use a smaller batch or model, or dispose what is not needed`,
        { cause: error },
      )
    }
    this.#onGrow()
    this.#release({ start: end, end: this.byteLength })
    return this.#free.at(-1)!
  }

  #release(piece: Piece): void {
    const next = this.#free.findIndex(({ start }) => start >= piece.end)
    const at = next < 0 ? this.#free.length : next
    const before = this.#free[at - 1]
    const after = this.#free[at]
    const joinsBefore = before?.end === piece.start
    const joinsAfter = after?.start === piece.end
    if (joinsBefore && joinsAfter) {
      before.end = after.end
      this.#free.splice(at, 1)
    } else if (joinsBefore) before.end = piece.end
    else if (joinsAfter) after.start = piece.start
    else this.#free.splice(at, 0, piece)
  }
}
