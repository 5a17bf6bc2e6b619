/**
 * T5's position signal: a learned number for each head and bucket of distances, added to the attention scores. Computed once per
 * stack, in its first layer, and shared by all others (Raffel et al. 2020, section 2.1).
 */
import { Embedding, type WeightScope } from '../layers/index.js'
import { relativePositionBucket, type BucketOptions, type Float } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'

export interface RelativePositionBiasOptions extends BucketOptions {
  readonly numHeads: number
}

export class RelativePositionBias {
  readonly #options: RelativePositionBiasOptions
  readonly #table: Embedding // [buckets, heads]

  constructor(weights: WeightScope, options: RelativePositionBiasOptions) {
    this.#options = options
    this.#table = new Embedding(weights, { rows: options.numBuckets, dimension: options.numHeads })
  }

  /** Bias for the last `queries` of `keys` positions: [1, heads, query, key]. */
  forward(queries: number, keys: number): Float {
    const buckets = new Int32Array(queries * keys)
    for (let i = 0; i < queries; i++) {
      const position = i + keys - queries
      for (let j = 0; j < keys; j++) buckets[i * keys + j] = relativePositionBucket(j - position, this.#options)
    }
    const rows = this.#table.forward(Tensor.int32(buckets, [queries, keys])) // [query, key, heads]
    return rows.transpose(2, 0, 1).reshape([1, this.#options.numHeads, queries, keys])
  }
}
