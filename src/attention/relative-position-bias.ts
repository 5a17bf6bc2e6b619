/**
 * T5's position signal, which MPNet has too: a learned number for each head and bucket of distances, added to the attention
 * scores. Computed once per stack, in its first layer, and shared by all others (Raffel et al. 2020, section 2.1).
 */
import { Embedding, type Pass, type WeightScope } from '../layers/index.js'
import { relativePositionBucket, type BucketOptions, type Float } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'

export interface RelativePositionBiasOptions extends BucketOptions {
  readonly numHeads: number
  /** Rows of the table, where it has more than there are buckets. */
  readonly rows?: number
}

export class RelativePositionBias {
  readonly #options: RelativePositionBiasOptions
  readonly #table: Embedding // [buckets, heads]

  constructor(weights: WeightScope, options: RelativePositionBiasOptions) {
    this.#options = options
    this.#table = new Embedding(weights, { rows: options.rows ?? options.numBuckets, dimension: options.numHeads })
  }

  /**
   * Bias for the last `queries` of `keys` positions: [1, heads, query, key]. It depends only on the distance, so there is one
   * number for each head and distance, and the bias is a view of these in which a step down goes one distance back.
   */
  forward(queries: number, keys: number, pass: Pass): Float {
    const distances = queries + keys - 1 // from -(keys - 1) to queries - 1
    const buckets = Int32Array.from({ length: distances }, (_, i) =>
      relativePositionBucket(i - keys + 1, this.#options),
    )
    const rows = this.#table.forward(Tensor.int32(buckets), pass) // [distance, heads]
    const { data, dtype, offset } = rows.transpose().copy() // [heads, distance]
    const heads = this.#options.numHeads
    return new Tensor({
      dtype,
      data,
      shape: [1, heads, queries, keys],
      stride: [heads * distances, distances, -1, 1],
      offset: offset + queries - 1,
    })
  }
}
