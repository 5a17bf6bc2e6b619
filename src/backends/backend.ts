/**
 * Backend: the interface between the forward pass, which is written once, and the kernels, of which there are several sets.
 * A kernel that may run on other threads or a GPU returns a promise; the others are synchronous. Every kernel reads views
 * (strides) and returns a fresh row-major tensor. reference/ is the definition of what each kernel computes.
 */
import type { Tensor } from '../tensor/tensor.js'
import type { Activation, Float, Ids, RotaryTable } from '../tensor/ops/index.js'

/** A weight matrix [rows, columns] in the order that a backend's kernels read. Made once, at load; opaque to everyone else. */
export interface PackedMatrix {
  readonly rows: number
  readonly columns: number
  /** Bytes that the packed matrix keeps alive. */
  readonly byteLength: number
}

export interface PackOptions {
  /** [rows], added after the product. */
  readonly bias?: Tensor
  /**
   * What the matrix is for: rows are looked up (`gather`), x is multiplied with it (`linear`), or both, as a tied embedding
   * is. A matrix that is only looked up stays in its file's dtype.
   */
  readonly use: 'gather' | 'linear' | 'both'
}

/** softmax(query key^T * scale + positionBias + mask) value, for all heads at once. */
export interface AttentionInputs {
  /** [batch, heads, query, headDim] */
  readonly query: Float
  /** [batch, keyValueHeads, key, headDim]; heads is a multiple of keyValueHeads, neighbours share one (grouped queries) */
  readonly key: Float
  /** [batch, keyValueHeads, key, headDim] */
  readonly value: Float
  readonly scale: number
  /** Added to the scores; broadcasts to [batch, heads, query, key]. */
  readonly positionBias?: Float
  /** Added to the scores, 0 or the lowest float32; broadcasts to [batch, heads, query, key]. */
  readonly mask?: Float
  /** Query i sees key j only where j <= i + (key - query): the queries are the last positions. */
  readonly causal?: boolean
}

export interface Backend {
  readonly name: string
  /** What runs, in one line: `reference (plain TypeScript, one thread)`. */
  describe(): string

  /** Takes a weight [rows, columns] over; the tensor is not needed afterwards. */
  pack(weight: Tensor, options: PackOptions): PackedMatrix

  /** activation(x weight^T + bias): [..., columns] -> [..., rows]. */
  linear(x: Float, weight: PackedMatrix, activation?: Activation): Promise<Float>
  /** [..., m, k] x [..., k, n] -> [..., m, n] */
  matmul(a: Float, b: Float): Promise<Float>
  /** Fused attention: [batch, heads, query, headDim]. Scores and probabilities are not stored. */
  attention(inputs: AttentionInputs): Promise<Float>

  /** Rows of the table: ids [...] -> [..., columns]. */
  gather(table: PackedMatrix, ids: Ids): Float
  add(a: Float, b: Float): Float
  multiply(a: Float, b: Float): Float
  scale(x: Float, factor: number): Float
  activate(x: Float, activation: Activation): Float
  /** Over the last axis. */
  softmax(x: Float): Float
  /** Over the last axis. */
  logSoftmax(x: Float): Float
  layerNorm(x: Float, weight: Float, bias: Float, epsilon: number): Float
  rmsNorm(x: Float, weight: Float, epsilon: number): Float
  /** Rotary positions on [batch, heads, seq, headDim]. */
  rotate(x: Float, table: RotaryTable): Float

  /** Gives back memory and threads. Idempotent; the backend's tensors and packed matrices are not used afterwards. */
  dispose(): void
}
