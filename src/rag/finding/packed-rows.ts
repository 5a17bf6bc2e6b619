/**
 * Vectors in 8-bit integers in the memory of a backend, in the order that its kernels read. They come in blocks, each of which is packed
 * before the next one is asked for, and can be read back: for an index of int8 no other copy has to be anywhere.
 */
import type { Backend, PackedMatrix } from '../../backends/index.js'
import { checkpoint } from '../../event-loop.js'
import { quantizeRows } from '../../tensor/ops/index.js'
import { Tensor } from '../../tensor/tensor.js'
import { FlatIndex, type IndexRows, type SearchOptions, type VectorRows } from './flat-index.js'

/** Vectors block by block, in the order of the rows. */
export interface RowBlocks {
  readonly dimension: number
  /** A block is not looked at any more when the next one is asked for. */
  blocks(): Iterable<IndexRows> | AsyncIterable<IndexRows>
}

export class PackedRows implements VectorRows {
  readonly dtype = 'int8'
  readonly dimension: number
  readonly count: number
  /** Each with the rows that follow those of the one before, [rows, dimension]. */
  readonly matrices: readonly PackedMatrix[]
  /** Whether the rows came as integers, which then are all that there is of them. */
  readonly isOriginal: boolean
  /** Largest |v - v'| of all rows, v' being the integers times their scale. */
  readonly error: number
  /** Largest |v'|. */
  readonly length: number
  readonly #backend: Backend

  private constructor(dimension: number, matrices: readonly PackedMatrix[], bounds: Bounds, backend: Backend) {
    this.dimension = dimension
    this.count = matrices.reduce((sum, { rows }) => sum + rows, 0)
    this.matrices = matrices
    this.isOriginal = bounds.isOriginal
    this.error = Math.sqrt(bounds.error)
    this.length = Math.sqrt(bounds.length)
    this.#backend = backend
  }

  /** @throws AbortedError, GlassformerError `out-of-memory`, and what the blocks throw */
  static async create(
    rows: RowBlocks,
    backend: Backend,
    { signal }: Pick<SearchOptions, 'signal'> = {},
  ): Promise<PackedRows> {
    const { dimension } = rows
    const matrices: PackedMatrix[] = []
    const bounds = { isOriginal: true, error: 0, length: 0 }
    try {
      for await (const block of rows.blocks()) {
        await checkpoint(signal, 'opening the index')
        const shape = [block.vectors.length / dimension, dimension]
        const rows = block.scales ? block : quantized(block, shape)
        widen(bounds, block, rows, dimension)
        const weight = new Tensor({ dtype: 'int8', data: rows.vectors as Int8Array, shape })
        matrices.push(backend.pack(weight, { use: 'linear', dtype: 'int8', rowScales: rows.scales }))
      }
    } catch (error) {
      matrices.forEach((matrix) => backend.free(matrix))
      throw error
    }
    return new PackedRows(dimension, matrices, bounds, backend)
  }

  /** Some rows as they are stored, copied. */
  rows(first: number, end: number): IndexRows {
    const vectors = new Int8Array((end - first) * this.dimension)
    const scales = new Float32Array(end - first)
    let start = 0
    for (const matrix of this.matrices) {
      const [from, to] = [Math.max(first, start), Math.min(end, start + matrix.rows)]
      if (from < to) {
        const part = this.#backend.unpack(matrix, from - start, to - start)
        vectors.set(part.values, (from - first) * this.dimension)
        scales.set(part.scales, from - first)
      }
      start += matrix.rows
    }
    return { vectors, scales }
  }

  vector(row: number): Float32Array {
    return this.#row(row).vector(0)
  }

  score(row: number, query: Float32Array): number {
    return this.#row(row).score(0, query)
  }

  /** Gives back the memory. The rows are not used afterwards. */
  dispose(): void {
    this.matrices.forEach((matrix) => this.#backend.free(matrix))
  }

  #row(row: number): FlatIndex {
    const { vectors, scales } = this.rows(row, row + 1)
    return new FlatIndex(this.dimension, vectors, scales)
  }
}

/** Largest squares of |v - v'| and |v'|. */
interface Bounds {
  isOriginal: boolean
  error: number
  length: number
}

function quantized({ vectors }: IndexRows, shape: readonly number[]): IndexRows {
  const { values, scales } = quantizeRows(Tensor.float32(vectors as Float32Array, shape))
  return { vectors: values, scales }
}

/** Takes rows and what they were made of into the bounds. */
function widen(bounds: Bounds, { vectors }: IndexRows, packed: IndexRows, dimension: number): void {
  const isOriginal = vectors === packed.vectors
  bounds.isOriginal &&= isOriginal
  const values = packed.vectors
  for (let row = 0, i = 0; i < values.length; row++) {
    const scale = packed.scales![row]
    const end = i + dimension
    let squares = 0
    for (let at = i; at < end; at++) squares += values[at] * values[at]
    bounds.length = Math.max(bounds.length, squares * scale * scale)
    if (!isOriginal) {
      let error = 0
      for (let at = i; at < end; at++) error += (vectors[at] - values[at] * scale) ** 2
      bounds.error = Math.max(bounds.error, error)
    }
    i = end
  }
}
