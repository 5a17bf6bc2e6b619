/**
 * The WebAssembly backend: kernels compiled from assembly/ with SIMD, on all cores where the platform shares memory between threads.
 */
import { GlassformerError } from '../../errors.js'
import { KERNELS } from '../../shipped-files.js'
import type { Float, QuantizedMatrix } from '../../tensor/ops/index.js'
import { sizeOf } from '../../tensor/shape.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Backend, BackendPass, PackedMatrix, PackOptions } from '../backend.js'
import { Arena } from './arena.js'
import type { KernelExports } from './exports.js'
import { WasmKernels, type Engine } from './kernels.js'
import { compileKernels, supportedBuild, type SimdBuild } from './load.js'
import { CONTROL_ADDRESS, KernelMemory } from './memory.js'
import { unpackRows, WasmMatrix } from './packed.js'
import { ThreadPool } from './pool.js'

export interface WasmOptions {
  /** Threads that compute; by default all cores, where the platform allows threads. */
  readonly threads?: number
  /** Build of the kernels; by default `relaxed` where it runs. */
  readonly simd?: SimdBuild
  /** Folder with the compiled kernels and worker.js, for applications that move them. */
  readonly files?: URL
}

/**
 * Starts a WebAssembly backend.
 * @throws GlassformerError `unsupported` where WebAssembly SIMD, or what the options ask for, is missing
 */
export async function wasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  const best = supportedBuild()
  const { simd = best, files = KERNELS } = options
  if (simd === undefined || best === undefined || (simd === 'relaxed' && best === 'plain')) {
    throw new GlassformerError(
      'unsupported',
      `wasm: this platform has no WebAssembly ${simd === 'relaxed' ? 'relaxed ' : ''}SIMD`,
    )
  }
  const shared = canShareMemory()
  const threads = options.threads ?? (shared ? await coreCount() : 1)
  if (!Number.isInteger(threads) || threads < 1) {
    throw new GlassformerError('bad-option', `wasm: threads is ${threads}, expected a whole number of 1 or more`)
  }
  if (threads > 1 && !shared) {
    throw new GlassformerError(
      'unsupported',
      'wasm: threads need a cross-origin isolated page (COOP and COEP headers); pass threads: 1',
    )
  }
  if (!shared) reportIsolation()
  const memory = new KernelMemory(shared)
  const module = await compileKernels(files, simd, shared)
  const instance = await WebAssembly.instantiate(module, { env: { memory: memory.memory } })
  const exports = instance.exports as KernelExports
  const pool = await ThreadPool.start({
    module,
    memory: memory.memory,
    exports,
    control: CONTROL_ADDRESS,
    threads,
    files,
  })
  return new WasmBackend({ memory, exports, pool }, simd)
}

export class WasmBackend implements Backend {
  readonly name = 'wasm'
  readonly #engine: Engine
  readonly #simd: SimdBuild
  /** The memory of the last pass, for the next one. */
  #idle: Arena | undefined

  constructor(engine: Engine, simd: SimdBuild) {
    this.#engine = engine
    this.#simd = simd
  }

  describe(): string {
    const { threads } = this.#engine.pool
    return `wasm (${this.#simd} SIMD, ${threads} ${threads === 1 ? 'thread' : 'threads'})`
  }

  /** Bytes of the wasm memory, how many of them are in use, and how often a block was taken from the heap. */
  get memory(): { readonly byteLength: number; readonly used: number; readonly allocations: number } {
    const { byteLength, used, allocations } = this.#engine.memory.heap
    return { byteLength, used, allocations }
  }

  pack(weight: Tensor, options: PackOptions): PackedMatrix {
    return new WasmMatrix(this.#engine.memory, this.#engine.exports, weight, options)
  }

  unpack(matrix: PackedMatrix, first: number, end: number): QuantizedMatrix {
    if (!(matrix instanceof WasmMatrix)) throw new TypeError('the matrix was packed by another backend')
    return unpackRows(this.#engine.memory, matrix, first, end)
  }

  allocate(shape: readonly number[]): Float {
    const { memory } = this.#engine
    const tensor = memory.tensorAt(memory.heap.allocate(sizeOf(shape) * 4), shape)
    tensor.data.fill(0)
    return tensor
  }

  free(held: PackedMatrix | Float): void {
    const { memory } = this.#engine
    memory.heap.free(held instanceof WasmMatrix ? held.address : memory.addressOf(held as Float)!)
  }

  async run<T>(
    part: (pass: BackendPass) => Promise<T>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const { memory } = this.#engine
    const arena = this.#idle ?? new Arena(memory.heap)
    this.#idle = undefined
    try {
      return await part({
        kernels: new WasmKernels(this.#engine, arena, signal),
        keep: (tensor) => (memory.addressOf(tensor) === undefined ? tensor : tensor.copy()),
      })
    } finally {
      if (this.#idle) arena.dispose()
      else {
        arena.reset()
        this.#idle = arena
      }
    }
  }

  dispose(): void {
    this.#engine.pool.dispose()
  }
}

function canShareMemory(): boolean {
  const isolated = typeof crossOriginIsolated === 'undefined' || crossOriginIsolated
  return typeof SharedArrayBuffer !== 'undefined' && isolated
}

async function coreCount(): Promise<number> {
  const { hardwareConcurrency } = globalThis.navigator ?? {}
  return hardwareConcurrency ?? (await import('./node-threads.js')).availableParallelism()
}

let reported = false

function reportIsolation(): void {
  if (reported) return
  reported = true
  console.warn(
    'glassformer: this page is not cross-origin isolated (COOP and COEP headers), so the kernels run on one thread',
  )
}
