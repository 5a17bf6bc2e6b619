/**
 * A flat index: the vectors of all passages in one block, searched by the dot product with every one of them. Exact, and fast enough up to
 * some hundred thousand vectors. int8 takes a quarter of the memory: each vector is scaled so that its largest element is 127.
 */
import { InputError, ShapeError } from '../../errors.js'
import { topK } from '../../tensor/ops/index.js'

export type IndexDType = 'float32' | 'int8'

export interface SearchHit {
  /** Row of the vector. */
  readonly index: number
  /** Dot product with the query. */
  readonly score: number
}

/** Some rows as they are stored. */
export interface IndexRows {
  /** [rows, dimension] */
  readonly vectors: Float32Array | Int8Array
  /** What each int8 row is multiplied with, [rows]; undefined for float32. */
  readonly scales: Float32Array | undefined
}

/** Vectors by row. */
export interface VectorRows {
  readonly dtype: IndexDType
  /** Elements of a vector. */
  readonly dimension: number
  /** Number of vectors. */
  readonly count: number
  /** Some rows as they are stored. */
  rows(first: number, end: number): IndexRows
  /** One row, widened to float32. */
  vector(row: number): Float32Array
  /** Dot product of a query with one row. */
  score(row: number, query: Float32Array): number
}

export interface SearchOptions {
  /** Which rows to search: those that are not 0, [count]; all unless told. */
  readonly mask?: Uint8Array
  readonly signal?: AbortSignal
}

/** Rows that are handed out together. */
const BLOCK_ROWS = 16_384

export class FlatIndex implements VectorRows {
  readonly dtype: IndexDType
  readonly dimension: number
  /** Row-major [count, dimension]. */
  readonly vectors: Float32Array | Int8Array
  /** What each int8 row is multiplied with, [count]; undefined for float32. */
  readonly scales: Float32Array | undefined

  /** Takes the arrays over without a copy or a check; {@link FlatIndex.fromVectors} is for vectors from outside. */
  constructor(dimension: number, vectors: Float32Array | Int8Array, scales?: Float32Array) {
    this.dtype = vectors instanceof Int8Array ? 'int8' : 'float32'
    this.dimension = dimension
    this.vectors = vectors
    this.scales = scales
  }

  /**
   * An index over row-major vectors [count, dimension]; float32 ones are kept without a copy.
   * @throws ShapeError when they are not whole rows, InputError for NaN or Infinity
   */
  static fromVectors(vectors: Float32Array, dimension: number, dtype: IndexDType = 'float32'): FlatIndex {
    if (!Number.isSafeInteger(dimension) || dimension < 1 || vectors.length % dimension !== 0) {
      throw new ShapeError('FlatIndex', `${vectors.length} numbers are not whole vectors of ${dimension}`)
    }
    const wrong = vectors.findIndex((value) => !Number.isFinite(value))
    if (wrong >= 0) {
      throw new InputError(
        'not-finite',
        `FlatIndex: vector ${Math.floor(wrong / dimension)} contains ${vectors[wrong]}`,
      )
    }
    if (dtype === 'float32') return new FlatIndex(dimension, vectors)

    const count = vectors.length / dimension
    const rows = new Int8Array(vectors.length)
    const scales = new Float32Array(count)
    for (let row = 0; row < count; row++) {
      const source = vectors.subarray(row * dimension, (row + 1) * dimension)
      const largest = source.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
      scales[row] = largest / 127
      for (let i = 0; i < dimension; i++)
        rows[row * dimension + i] = largest === 0 ? 0 : Math.round((source[i] / largest) * 127)
    }
    return new FlatIndex(dimension, rows, scales)
  }

  /** Number of vectors. */
  get count(): number {
    return this.vectors.length / this.dimension
  }

  /**
   * The k rows with the largest dot products, best first; equal scores keep the order of the rows. All rows when k is larger.
   * @throws ShapeError for a query of another length, InputError for NaN or Infinity or a k that is not a whole number of 1 or more
   */
  search(query: Float32Array, k: number, { mask }: Pick<SearchOptions, 'mask'> = {}): SearchHit[] {
    checkQuery(query, this.dimension)
    const scores = Float32Array.from({ length: this.count }, (_, row) =>
      mask?.[row] === 0 ? -Infinity : this.score(row, query),
    )
    const { values, indices } = topK(scores, k)
    return Array.from(indices, (index, i) => ({ index, score: values[i] })).filter(({ score }) => score > -Infinity)
  }

  /** All rows, some thousand at a time; views. */
  *blocks(): Generator<IndexRows> {
    for (let first = 0; first < this.count; first += BLOCK_ROWS) {
      yield this.rows(first, Math.min(first + BLOCK_ROWS, this.count))
    }
  }

  /** Some rows, as views. */
  rows(first: number, end: number): IndexRows {
    return {
      vectors: this.vectors.subarray(first * this.dimension, end * this.dimension),
      scales: this.scales?.subarray(first, end),
    }
  }

  /** One row, widened to float32. */
  vector(row: number): Float32Array {
    const { vectors, dimension, scales } = this
    const elements = vectors.slice(row * dimension, (row + 1) * dimension)
    return Float32Array.from(elements, (element) => (scales ? element * scales[row] : element))
  }

  /** Dot product of the query with one row. */
  score(row: number, query: Float32Array): number {
    const { vectors, dimension, scales } = this
    const start = row * dimension
    let sum = 0
    for (let i = 0; i < dimension; i++) sum += query[i] * vectors[start + i]
    return Math.fround(scales ? sum * scales[row] : sum)
  }
}

/** @throws ShapeError for a query of another length, InputError for NaN or Infinity */
export function checkQuery(query: Float32Array, dimension: number): void {
  if (query.length !== dimension) {
    throw new ShapeError('search', `the query has ${query.length} elements, the index has vectors of ${dimension}`)
  }
  if (!query.every(Number.isFinite)) throw new InputError('not-finite', 'search: the query contains NaN or Infinity')
}
