/**
 * The same search, faster: a copy of the index in 8-bit integers is scanned by the backend's kernels, and only rows that may be among the
 * best are scored exactly. Which rows may be is not guessed: the rounding of query and rows bounds how far an approximate
 * score can be off, so the result is that of {@link FlatIndex.search}, to the last bit.
 *
 *   |q·v - q'·v'| <= |q - q'| |v'| + |q| |v - v'| = B         (Cauchy-Schwarz; q', v' as the integers have them)
 *   t: the k-th largest approximate score. k rows have an exact score of t - B or more, so each of the exact best has an
 *   approximate score of t - 2B or more.
 */
import type { Backend, PackedMatrix } from '../backends/index.js'
import { quantizeInput, WEIGHT_LIMIT } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import type { FlatIndex, SearchHit } from './flat-index.js'

/** What sums of float32 may be off beside the rounding to integers. */
const FLOAT_ERROR = 1e-5

export class IndexScan {
  readonly #index: FlatIndex
  readonly #backend: Backend
  readonly #rows: PackedMatrix
  /** Largest |v - v'| of all rows, and largest |v'|. */
  readonly #rowError: number
  readonly #rowLength: number

  constructor(index: FlatIndex, backend: Backend) {
    const { vectors, scales, dimension, count } = index
    this.#index = index
    this.#backend = backend
    const values = scales
      ? Float32Array.from(vectors, (value, i) => value * scales[Math.floor(i / dimension)])
      : vectors
    this.#rows = backend.pack(Tensor.float32(values, [count, dimension]), { use: 'linear', dtype: 'int8' })
    let [largest, longest] = [0, 0]
    for (let row = 0; row < count; row++) {
      let squares = 0
      for (let i = row * dimension; i < (row + 1) * dimension; i++) {
        largest = Math.max(largest, Math.abs(values[i]))
        squares += values[i] ** 2
      }
      longest = Math.max(longest, squares)
    }
    this.#rowError = (largest / WEIGHT_LIMIT / 2) * Math.sqrt(dimension) // half a step in every element
    this.#rowLength = Math.sqrt(longest) + this.#rowError
  }

  /** See {@link FlatIndex.search}. */
  async search(query: Float32Array, k: number): Promise<SearchHit[]> {
    const index = this.#index
    index.checkQuery(query)
    const bound = this.#bound(query)
    const candidates = await this.#backend.run(async ({ kernels }) => {
      const approximate = await kernels.linear(Tensor.float32(query, [1, index.dimension]), this.#rows) // [1, count]
      const { values } = kernels.topK(approximate.select(0, 0), k)
      const least = values[values.length - 1] - 2 * bound
      const { data, offset } = approximate
      const rows: number[] = []
      for (let row = 0; row < index.count; row++) if (data[offset + row] >= least) rows.push(row)
      return rows
    })
    return candidates
      .map((row) => ({ index: row, score: index.score(row, query) }))
      .sort((a, b) => b.score - a.score || a.index - b.index)
      .slice(0, k)
  }

  /** Gives back the copy's memory. */
  dispose(): void {
    this.#backend.free(this.#rows)
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
