/**
 * Backend: the interface between the forward pass, which is written once, and the kernels, of which there are several sets.
 * A backend packs weights at load; a pass then computes on its Kernels. A kernel that may run on other threads or a GPU
 * returns a promise; the others are synchronous. Every kernel reads views (strides) and tensors in any memory, and returns
 * a fresh tensor. reference/ is the definition of what each kernel computes.
 */
import type { Tensor } from '../tensor/tensor.js'
import type { Shape } from '../tensor/shape.js'
import type { Activation, Float, Ids, QuantizedMatrix, RotaryTable, TopK } from '../tensor/ops/index.js'

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
  /**
   * `int8` quantises a matrix of use `linear`: each row of the weight by its largest element, each row of x when it comes.
   * By default products are computed from the dtype of the file.
   */
  readonly dtype?: 'int8'
  /**
   * [rows]: the weight is of int8 already, and this is what each of its rows is multiplied with. Both are copied, so that the arrays can be
   * used again. Only with dtype `int8`.
   */
  readonly rowScales?: Float32Array
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

/** The kernels of one pass. Their results live until the scope ends in which they were made. */
export interface Kernels {
  /**
   * Runs a part of the pass, such as a layer, that makes a tensor out of x. Of the tensors made in it only the one that it
   * returns outlives it, in the place of x, which is not used afterwards. Parts of one pass run one after the other.
   */
  scope(x: Float, part: (x: Float, kernels: Kernels) => Promise<Float>): Promise<Float>

  /** Brings the elements of a tensor to where `data` reads them at once; a backend on a GPU reads them back. */
  fetch(x: Float): Promise<void>

  /** activation(x weight^T + bias): [..., columns] -> [..., rows]. */
  linear(x: Float, weight: PackedMatrix, activation?: Activation): Promise<Float>
  /** [..., m, k] x [..., k, n] -> [..., m, n] */
  matmul(a: Float, b: Float): Promise<Float>
  /** Fused attention: [batch, heads, query, headDim]. Scores and probabilities are not stored. */
  attention(inputs: AttentionInputs): Promise<Float>

  /** Rows of the table: ids [...] -> [..., columns]. */
  gather(table: PackedMatrix, ids: Ids): Float
  /** The elements in row-major order, so that a reshape is a view; the tensor itself where they are. */
  contiguous(x: Float): Float
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
  /** The k largest elements of x [n], largest first, and their indices; equal ones in the order of their indices. */
  topK(x: Float, k: number): TopK
  /** Writes the elements of `source` into a view of the same shape. */
  copyInto(target: Float, source: Float): void
}

export interface Backend {
  readonly name: string
  /** What runs, in one line: `reference (plain TypeScript, one thread)`. */
  describe(): string

  /** Takes a weight [rows, columns] over; the tensor is not needed afterwards. */
  pack(weight: Tensor, options: PackOptions): PackedMatrix
  /**
   * Rows `first` to `end` of a matrix that was packed with dtype `int8`, as a copy: its integers need not be anywhere else.
   * @throws TypeError for another matrix
   */
  unpack(matrix: PackedMatrix, first: number, end: number): QuantizedMatrix
  /** A tensor of zeros in the backend's memory that lives until it is freed. */
  allocate(shape: Shape): Float
  /** Gives back a packed matrix, or a tensor from `allocate`. Neither is used afterwards. */
  free(held: PackedMatrix | Float): void

  /**
   * Runs a pass: `part` computes on the kernels and returns what outlives it through `keep`. Passes may overlap,
   * as when a hook of one pass runs another. The signal ends it within a kernel that computes for long.
   * @throws AbortedError
   */
  run<T>(part: (pass: BackendPass) => Promise<T>, options?: { readonly signal?: AbortSignal }): Promise<T>

  /** Gives back memory and threads. Idempotent; the backend's tensors and packed matrices are not used afterwards. */
  dispose(): void
}

export interface BackendPass {
  readonly kernels: Kernels
  /** The tensor where it outlives the pass: itself if it does anyway, else a copy. */
  keep(tensor: Float): Float
}
