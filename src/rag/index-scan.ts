/**
 * The same search, faster: a copy of the index in 8-bit integers is scanned by the backend's kernels, and only rows that may be among the
 * best are scored exactly. Which rows may be is not guessed: the rounding of query and rows bounds how far an approximate
 * score can be off, so the result is that of {@link FlatIndex.search}, to the last bit.
 *
 *   |q·v - q'·v'| <= |q - q'| |v'| + |q| |v - v'| = B         (Cauchy-Schwarz; q', v' as the integers have them)
 *   t: the k-th largest approximate score. k rows have an exact score of t - B or more, so each of the exact best has an
 *   approximate score of t - 2B or more.
 *
 * The rows come in blocks, so that an index that lies in a file is never in memory as a whole but for that copy.
 */
import type { Backend, PackedMatrix } from '../backends/index.js'
import { checkpoint } from '../event-loop.js'
import { quantizeInput, topK, WEIGHT_LIMIT } from '../tensor/ops/index.js'
import { rowMajor } from '../tensor/ops/float.js'
import { Tensor } from '../tensor/tensor.js'
import { checkQuery, FlatIndex, type IndexRows, type SearchHit, type SearchOptions } from './flat-index.js'

/** What sums of float32 may be off beside the rounding to integers. */
const FLOAT_ERROR = 1e-5
/** Questions whose approximate scores are in memory together. */
const TOGETHER = 8

/** Vectors that can be scanned: an index in memory, or one in a file. */
export interface ScannableRows {
  readonly count: number
  readonly dimension: number
  /** All rows, in pieces of their order. */
  blocks(): Iterable<IndexRows> | AsyncIterable<IndexRows>
  rows(first: number, end: number): IndexRows | Promise<IndexRows>
}

export class IndexScan {
  readonly #rows: ScannableRows
  readonly #backend: Backend
  readonly #blocks: readonly PackedMatrix[]
  /** Largest |v - v'| of all rows, and largest |v'|. */
  readonly #rowError: number
  readonly #rowLength: number

  private constructor(rows: ScannableRows, backend: Backend, blocks: readonly PackedMatrix[], bounds: RowBounds) {
    this.#rows = rows
    this.#backend = backend
    this.#blocks = blocks
    this.#rowError = bounds.error
    this.#rowLength = Math.sqrt(bounds.squares) + bounds.error
  }

  /** Makes the copy, in the backend's memory. */
  static async create(
    rows: ScannableRows,
    backend: Backend,
    { signal }: Pick<SearchOptions, 'signal'> = {},
  ): Promise<IndexScan> {
    const { dimension } = rows
    const blocks: PackedMatrix[] = []
    const bounds: RowBounds = { error: 0, squares: 0 }
    try {
      let buffer = new Float32Array(0)
      for await (const block of rows.blocks()) {
        await checkpoint(signal, 'opening the index')
        if (block.scales && buffer.length < block.vectors.length) buffer = new Float32Array(block.vectors.length)
        const values = floats(block, dimension, buffer)
        widen(bounds, block, values, dimension)
        const shape = [values.length / dimension, dimension]
        blocks.push(backend.pack(Tensor.float32(values, shape), { use: 'linear', dtype: 'int8' }))
      }
    } catch (error) {
      blocks.forEach((block) => backend.free(block))
      throw error
    }
    return new IndexScan(rows, backend, blocks, bounds)
  }

  /** See {@link FlatIndex.search}. */
  async search(query: Float32Array, k: number, options?: SearchOptions): Promise<SearchHit[]> {
    return (await this.searchAll([query], k, options))[0]
  }

  /** The hits of each query. @throws AbortedError, and what {@link FlatIndex.search} throws */
  async searchAll(queries: readonly Float32Array[], k: number, options: SearchOptions = {}): Promise<SearchHit[][]> {
    queries.forEach((query) => checkQuery(query, this.#rows.dimension))
    const hits: SearchHit[][] = []
    for (let start = 0; start < queries.length; start += TOGETHER) {
      const some = queries.slice(start, start + TOGETHER)
      const approximate = await this.#approximate(some, options)
      for (const [i, query] of some.entries()) hits.push(await this.#best(query, approximate[i], k))
    }
    return hits
  }

  /** Gives back the copy's memory. */
  dispose(): void {
    this.#blocks.forEach((block) => this.#backend.free(block))
  }

  /** The scores of the integers, for each query [count]; -Infinity outside the mask. */
  async #approximate(queries: readonly Float32Array[], { mask, signal }: SearchOptions): Promise<Float32Array[]> {
    const { dimension, count } = this.#rows
    const x = new Float32Array(queries.length * dimension)
    queries.forEach((query, i) => x.set(query, i * dimension))
    const scores = queries.map(() => new Float32Array(count))
    let first = 0
    for (const block of this.#blocks) {
      await checkpoint(signal, 'the search')
      await this.#backend.run(async ({ kernels }) => {
        const product = rowMajor(await kernels.linear(Tensor.float32(x, [queries.length, dimension]), block)) // [queries, rows]
        scores.forEach((row, i) => row.set(product.subarray(i * block.rows, (i + 1) * block.rows), first))
      })
      first += block.rows
    }
    if (mask) for (const row of scores) mask.forEach((wanted, i) => wanted === 0 && (row[i] = -Infinity))
    return scores
  }

  /** Scores exactly what may be among the best. */
  async #best(query: Float32Array, approximate: Float32Array, k: number): Promise<SearchHit[]> {
    const { values } = topK(approximate, k)
    const least = Math.max((values.at(-1) ?? 0) - 2 * this.#bound(query), -Number.MAX_VALUE)
    const hits: SearchHit[] = []
    for (let index = 0; index < approximate.length; index++) {
      if (!(approximate[index] >= least)) continue
      const { vectors, scales } = await this.#rows.rows(index, index + 1)
      hits.push({ index, score: new FlatIndex(query.length, vectors, scales).score(0, query) })
    }
    return hits.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, k)
  }

  /** B for this query. */
  #bound(query: Float32Array): number {
    const { values, scale, zero } = quantizeInput(query)
    let [error, length] = [0, 0]
    for (let i = 0; i < query.length; i++) {
      error += (query[i] - (values[i] - zero) * scale) ** 2
      length += query[i] ** 2
    }
    return (
      Math.sqrt(error) * this.#rowLength +
      Math.sqrt(length) * this.#rowError +
      FLOAT_ERROR * Math.sqrt(length) * this.#rowLength
    )
  }
}

interface RowBounds {
  error: number
  /** Largest |v|². */
  squares: number
}

/** The numbers that rows stand for; those of int8 rows in the buffer. */
function floats({ vectors, scales }: IndexRows, dimension: number, buffer: Float32Array): Float32Array {
  if (!scales) return vectors as Float32Array
  for (let row = 0, i = 0; row < scales.length; row++) {
    for (const end = i + dimension; i < end; i++) buffer[i] = vectors[i] * scales[row]
  }
  return buffer.subarray(0, vectors.length)
}

/** Takes rows into the bounds. One of integers up to 127 stays what it is; else each element may be off by half a step. */
function widen(bounds: RowBounds, { scales }: IndexRows, values: Float32Array, dimension: number): void {
  for (let row = 0, i = 0; i < values.length; row++) {
    let [largest, squares] = [0, 0]
    for (const end = i + dimension; i < end; i++) {
      largest = Math.max(largest, Math.abs(values[i]))
      squares += values[i] ** 2
    }
    bounds.squares = Math.max(bounds.squares, squares)
    const isExact = scales !== undefined && Math.round(largest / scales[row]) === WEIGHT_LIMIT
    if (!isExact) bounds.error = Math.max(bounds.error, (largest / WEIGHT_LIMIT / 2) * Math.sqrt(dimension))
  }
}
