/**
 * The memory of the kernels as tensors: which addresses a tensor's elements have, and tensors over addresses.
 */
import { sizeOf, type Shape } from '../../tensor/shape.js'
import { Tensor } from '../../tensor/tensor.js'
import type { Float } from '../../tensor/ops/index.js'
import { Heap } from './heap.js'

/** Where the heap begins: above the constants of the kernels and the pool's words. */
const HEAP_START = 65536
/** Address of the pool's words. */
export const CONTROL_ADDRESS = 49152
const PAGE = 65536
const MAXIMUM_PAGES = 65536

export class KernelMemory {
  readonly memory: WebAssembly.Memory
  readonly heap: Heap
  /**
   * Every buffer that tensors were made over: a shared memory that grows keeps its old ones usable. `memory.buffer` itself may
   * become another object at any time, so it is read once after each growth.
   */
  readonly #buffers = new WeakSet<ArrayBufferLike>()
  bytes!: Uint8Array
  int32!: Int32Array
  float32!: Float32Array

  /**
   * A shared memory grows as needed. One that is not shared would detach all views when it grows, so it gets its room at
   * once; pages that are never touched cost nothing.
   */
  constructor(shared: boolean) {
    this.memory = shared ? new WebAssembly.Memory({ initial: 2, maximum: MAXIMUM_PAGES, shared: true }) : reserve()
    this.heap = new Heap(this.memory, HEAP_START, () => this.#refresh())
    this.#refresh()
  }

  /** Address of the first element, or undefined where the tensor lies in other memory. */
  addressOf({ data, offset }: Tensor): number | undefined {
    return this.#buffers.has(data.buffer) ? data.byteOffset + offset * data.BYTES_PER_ELEMENT : undefined
  }

  /** A row-major float32 tensor over an address. */
  tensorAt(address: number, shape: Shape): Float {
    return new Tensor({ dtype: 'float32', data: new Float32Array(this.bytes.buffer, address, sizeOf(shape)), shape })
  }

  #refresh(): void {
    const { buffer } = this.memory
    this.#buffers.add(buffer)
    this.bytes = new Uint8Array(buffer)
    this.int32 = new Int32Array(buffer)
    this.float32 = new Float32Array(buffer)
  }
}

/** 2 GiB of address space, or what the platform gives. */
function reserve(): WebAssembly.Memory {
  for (let pages = MAXIMUM_PAGES / 2; ; pages /= 2) {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages })
    } catch (error) {
      if (pages * PAGE <= 2 ** 26) throw error
    }
  }
}
