/**
 * An embedding: a table with a row for each token (or position, or segment). A tied language-model head multiplies with the same
 * table, so `project` shares it and no second copy exists.
 */
import type { PackedMatrix } from '../backends/index.js'
import type { Float, Ids } from '../tensor/ops/index.js'
import type { Pass } from './pass.js'
import type { Parameter, WeightScope } from './weights.js'

export interface EmbeddingOptions {
  readonly rows: number
  readonly dimension: number
  /** Whether the table is also the language-model head. */
  readonly tied?: boolean
}

export class Embedding {
  readonly #table: Parameter<PackedMatrix>

  constructor(weights: WeightScope, { rows, dimension, tied = false }: EmbeddingOptions) {
    this.#table = weights.matrix('weight', [rows, dimension], { use: tied ? 'both' : 'gather' })
  }

  /** ids [...] -> [..., dimension] */
  forward(ids: Ids, { kernels }: Pass): Float {
    return kernels.gather(this.#table.value, ids)
  }

  /** Product with every row of the table: [..., dimension] -> [..., rows]. */
  project(x: Float, { kernels }: Pass): Promise<Float> {
    return kernels.linear(x, this.#table.value)
  }
}
