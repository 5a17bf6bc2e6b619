/**
 * The same search, faster: the index in 8-bit integers (packed-rows.ts) is scanned by the backend's kernels, on all of its threads and for
 * many questions in one pass, and only rows that may be among the best are scored exactly. Which rows may be is not guessed: the rounding
 * of query and rows bounds how far an approximate score can be off, so the result is that of {@link FlatIndex.search}, to the last bit.
 *
 *   |q·v - q'·v'| <= |q - q'| |v'| + |q| |v - v'|         (Cauchy-Schwarz; q', v' as the integers have them)
 *
 * The kernels compute q'·v' for all rows. Those that may be among the best by the first bound are scored again as q·v', from the same
 * integers. For an index of int8, which keeps nothing else, that is the exact score. Of one of float32, those that may be among the best by
 * what is left of the bound, |q| |v - v'|, are scored as q·v, from the vectors, which may lie in a file. With
 *
 *   B: a bound; t: the k-th largest score that may be off by B
 *
 * k rows have an exact score of t - B or more, so each of the exact best has a score of t - 2B or more.
 */
import type { Backend, PackedMatrix } from '../../backends/index.js'
import { InputError } from '../../errors.js'
import { checkpoint } from '../../event-loop.js'
import { rowMajor } from '../../tensor/ops/float.js'
import { quantizeInput } from '../../tensor/ops/index.js'
import { Tensor } from '../../tensor/tensor.js'
import { checkQuery, FlatIndex, type IndexRows, type SearchHit, type SearchOptions } from './flat-index.js'
import { PackedRows, type RowBlocks } from './packed-rows.js'
import { Shortlist } from './shortlist.js'

/** What sums of float32 may be off beside the rounding to integers. */
const FLOAT_ERROR = 1e-5
/** Questions whose approximate scores of a block are in memory together. */
const TOGETHER = 16
/** Rows that are scored exactly are read together where no more than that many others lie between them, and never more than READ. */
const GAP = 4
const READ = 1024

/** Rows to score exactly. */
interface ExactRows {
  rows(first: number, end: number): IndexRows | Promise<IndexRows>
}

/** Vectors that can be scanned: an index in memory, or one in a file. `rows` is only wanted of float32: integers are all kept. */
export type ScannableRows = RowBlocks & Partial<ExactRows>

export class IndexScan {
  /** What is scanned. */
  readonly packed: PackedRows
  readonly #exact: ExactRows
  readonly #backend: Backend

  private constructor(packed: PackedRows, backend: Backend, exact: ExactRows) {
    this.packed = packed
    this.#exact = exact
    this.#backend = backend
  }

  /**
   * Packs the rows into the backend's memory. Of rows of int8 only this copy is used afterwards.
   * @throws InputError for vectors of float32 without `rows`; what {@link PackedRows.create} throws
   */
  static async create(
    rows: ScannableRows,
    backend: Backend,
    options?: Pick<SearchOptions, 'signal'>,
  ): Promise<IndexScan> {
    const packed = await PackedRows.create(rows, backend, options)
    if (packed.isOriginal) return new IndexScan(packed, backend, packed)
    if (rows.rows) return new IndexScan(packed, backend, rows as ExactRows)
    packed.dispose()
    throw new InputError(
      'bad-option',
      'IndexScan: vectors of float32 without rows(), which their exact scores come from',
    )
  }

  /** See {@link FlatIndex.search}. */
  async search(query: Float32Array, k: number, options?: SearchOptions): Promise<SearchHit[]> {
    return (await this.searchAll([query], k, options))[0]
  }

  /** The hits of each query, in one pass over the rows. @throws AbortedError, and what {@link FlatIndex.search} throws */
  async searchAll(queries: readonly Float32Array[], k: number, options: SearchOptions = {}): Promise<SearchHit[][]> {
    const { packed } = this
    queries.forEach((query) => checkQuery(query, packed.dimension))
    const asked = queries.map((query): Asked => {
      const ofRows = norm(query) * (packed.error + FLOAT_ERROR * (packed.length + packed.error))
      const ofQuery = norm(rounding(query)) * packed.length
      return { query, list: new Shortlist(k, 2 * (ofQuery + ofRows), packed.count), slack: 2 * ofRows }
    })
    await this.#scan(asked, options)
    const hits: SearchHit[][] = []
    for (const one of asked) hits.push((await this.#best(one, k, options)).slice(0, k))
    return hits
  }

  /** Gives back the memory of what is scanned. */
  dispose(): void {
    this.packed.dispose()
  }

  /** Fills the shortlists. */
  async #scan(asked: readonly Asked[], { mask, signal }: SearchOptions): Promise<void> {
    let first = 0
    for (const matrix of this.packed.matrices) {
      const wanted = mask?.subarray(first, first + matrix.rows)
      for (let from = 0; from < asked.length; from += TOGETHER) {
        if (wanted?.every((value) => value === 0)) break
        await checkpoint(signal, 'the search')
        await this.#scanBlock(matrix, asked.slice(from, from + TOGETHER), first, wanted)
      }
      first += matrix.rows
    }
  }

  /** The scores of a block, whose first row is `first`, for some queries. */
  async #scanBlock(
    matrix: PackedMatrix,
    asked: readonly Asked[],
    first: number,
    mask: Uint8Array | undefined,
  ): Promise<void> {
    const { dimension } = this.packed
    const x = new Float32Array(asked.length * dimension)
    asked.forEach(({ query }, i) => x.set(query, i * dimension))
    await this.#backend.run(async ({ kernels }) => {
      const product = await kernels.linear(Tensor.float32(x, [asked.length, dimension]), matrix) // [queries, rows]
      await kernels.fetch(product)
      const scores = rowMajor(product)
      asked.forEach(({ list }, i) => list.take(scores.subarray(i * matrix.rows, (i + 1) * matrix.rows), first, mask))
    })
  }

  /** Exact scores of all rows that are among the k best, and of some more; best first. */
  async #best({ query, list, slack }: Asked, k: number, { signal }: SearchOptions): Promise<SearchHit[]> {
    const hits = await scored(query, list.rows(), this.packed, signal)
    if (this.#exact === this.packed) return hits
    const least = (hits.at(k - 1)?.score ?? -Infinity) - slack
    const rows = hits.filter(({ score }) => score >= least).map(({ index }) => index)
    return scored(
      query,
      rows.sort((a, b) => a - b),
      this.#exact,
      signal,
    )
  }
}

interface Asked {
  readonly query: Float32Array
  readonly list: Shortlist
  /** 2B without the rounding of the query. */
  readonly slack: number
}

/** Dot products with some of the rows, which come in their order; best first. */
async function scored(
  query: Float32Array,
  indices: readonly number[],
  rows: ExactRows,
  signal: AbortSignal | undefined,
): Promise<SearchHit[]> {
  const hits: SearchHit[] = []
  for (const run of runs(indices)) {
    await checkpoint(signal, 'the search')
    const { vectors, scales } = await rows.rows(run[0], run.at(-1)! + 1)
    const read = new FlatIndex(query.length, vectors, scales)
    for (const index of run) hits.push({ index, score: read.score(index - run[0], query) })
  }
  return hits.sort((a, b) => b.score - a.score || a.index - b.index)
}

/** Ascending rows, grouped into those that are read together. */
function* runs(indices: readonly number[]): Generator<readonly number[]> {
  let run: number[] = []
  for (const index of indices) {
    if (run.length > 0 && (index - run.at(-1)! > GAP || index - run[0] >= READ)) {
      yield run
      run = []
    }
    run.push(index)
  }
  if (run.length > 0) yield run
}

/** What the rounding of x to 7 bits leaves out. */
function rounding(x: Float32Array): Float32Array {
  const { values, scale, zero } = quantizeInput(x)
  return x.map((value, i) => value - (values[i] - zero) * scale)
}

function norm(x: Float32Array): number {
  return Math.sqrt(x.reduce((sum, value) => sum + value * value, 0))
}
