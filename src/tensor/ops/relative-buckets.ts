/**
 * The buckets of T5's relative positions, Raffel et al. 2020, https://arxiv.org/abs/1910.10683, section 2.1: near distances
 * have a bucket each, farther ones share buckets that widen logarithmically up to `maxDistance`, all beyond share the last.
 */

export interface BucketOptions {
  readonly numBuckets: number
  readonly maxDistance: number
  /** Encoders look both ways and give half of the buckets to each; a decoder sees only the past. */
  readonly bidirectional: boolean
}

/** Bucket of the distance `key position - query position`, from 0 to numBuckets - 1. */
export function relativePositionBucket(distance: number, options: BucketOptions): number {
  const { maxDistance, bidirectional } = options
  const buckets = bidirectional ? Math.floor(options.numBuckets / 2) : options.numBuckets
  const side = bidirectional && distance > 0 ? buckets : 0
  const steps = bidirectional ? Math.abs(distance) : Math.max(-distance, 0)
  const exact = Math.floor(buckets / 2)
  if (steps < exact) return side + steps
  // float32 at every step, as the reference computes it: at a bucket's edge the last bit decides
  const ratio = Math.fround(
    Math.fround(Math.log(Math.fround(steps / exact))) / Math.fround(Math.log(maxDistance / exact)),
  )
  const beyond = Math.floor(Math.fround(ratio * (buckets - exact)))
  return side + Math.min(exact + beyond, buckets - 1)
}
