/**
 * The encoder that BERT and its relatives share: embeddings of tokens, positions and segments, summed and normed; post-norm
 * layers (post-norm-layer.ts). A family's file says what its own is like: names, positions, segments, relative distances. The
 * classes around it are in encoder-model.ts.
 */
import { RelativePositionBias } from '../attention/index.js'
import { Embedding, LayerNorm, type Pass, type Weights, type WeightScope } from '../layers/index.js'
import type { Float, Ids } from '../tensor/ops/index.js'
import { Tensor } from '../tensor/tensor.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import { PostNormLayer, type PostNormLayerOptions } from './post-norm-layer.js'

export interface EncoderOptions extends Omit<PostNormLayerOptions, 'names'> {
  readonly vocabSize: number
  readonly numLayers: number
  /** Rows of the position table. */
  readonly positions: number
  /** Where set, positions count the tokens that are not padding, from this id + 1 on; padding itself has this position. */
  readonly positionsAfterPadding?: number
  /** Rows of the segment table; 0 without one. */
  readonly tokenTypes: number
  /** Where set, distances add a learned bias to the scores; the table lies under `name` and has so many rows. */
  readonly relativeBias?: { readonly name: string; readonly rows: number }
  /** Names of a layer's weights, and of the list of layers. */
  readonly names: PostNormLayerOptions['names'] & { readonly layers: string }
}

class Embeddings {
  readonly #word: Embedding
  readonly #position: Embedding
  readonly #tokenType: Embedding | undefined
  readonly #norm: LayerNorm
  readonly #padding: number | undefined
  readonly #points
  /** Most tokens that there are positions for. */
  readonly maxLength: number

  constructor(weights: WeightScope, options: EncoderOptions) {
    const { dimension, vocabSize, positions, tokenTypes, epsilon, positionsAfterPadding: padding } = options
    this.#word = new Embedding(weights.scope('word_embeddings'), { rows: vocabSize, dimension })
    this.#position = new Embedding(weights.scope('position_embeddings'), { rows: positions, dimension })
    this.#tokenType =
      tokenTypes > 0
        ? new Embedding(weights.scope('token_type_embeddings'), { rows: tokenTypes, dimension })
        : undefined
    this.#norm = new LayerNorm(weights.scope('LayerNorm'), { dimension, epsilon })
    this.#padding = padding
    this.maxLength = padding === undefined ? positions : positions - padding - 1
    const shape = ['batch', 'query', dimension] as const
    this.#points = {
      word: hookPoint('embeddings.word', shape),
      position: hookPoint('embeddings.position', shape),
      tokenType: hookPoint('embeddings.token_type', shape),
      out: hookPoint('embeddings.out', shape),
    }
  }

  get out(): HookPoint {
    return this.#points.out
  }

  hookPoints(): HookPoint[] {
    const { word, position, tokenType, out } = this.#points
    return this.#tokenType ? [word, position, tokenType, out] : [word, position, out]
  }

  async forward(inputIds: Ids, tokenTypeIds: Ids, pass: Pass): Promise<Float> {
    const { kernels } = pass
    const positions = this.#padding === undefined ? everyPosition(inputIds) : positionsAfter(this.#padding, inputIds)
    let sum = await pass.show(this.#points.word, this.#word.forward(inputIds, pass)) // [batch, seq, dimension]
    if (this.#tokenType) {
      sum = kernels.add(sum, await pass.show(this.#points.tokenType, this.#tokenType.forward(tokenTypeIds, pass)))
    }
    sum = kernels.add(sum, await pass.show(this.#points.position, this.#position.forward(positions, pass)))
    return pass.show(this.#points.out, this.#norm.forward(sum, pass))
  }
}

/** 0, 1, 2, … in every row. */
function everyPosition({ shape: [batch, seq] }: Ids): Ids {
  return Tensor.int32(Int32Array.from({ length: seq }, (_, i) => i)).broadcastTo([batch, seq])
}

/** Padding has its id as position; other tokens count on from there, in their row. */
function positionsAfter(padding: number, inputIds: Ids): Ids {
  const seq = inputIds.shape[1]
  let position = padding
  const positions = inputIds.toArray().map((id, at) => {
    if (at % seq === 0) position = padding
    return id === padding ? padding : ++position
  })
  return Tensor.int32(positions, inputIds.shape)
}

/** Embeddings and layers, without what is made of their output. */
export class Encoder {
  readonly #embeddings: Embeddings
  readonly #positionBias: RelativePositionBias | undefined
  readonly #biasPoint: HookPoint
  readonly #layers: readonly PostNormLayer[]

  constructor(weights: Weights, options: EncoderOptions) {
    const { numLayers, numHeads, names, relativeBias } = options
    this.#embeddings = new Embeddings(weights.scope('embeddings'), options)
    this.#positionBias =
      relativeBias &&
      new RelativePositionBias(weights.scope(relativeBias.name), {
        numHeads,
        numBuckets: 32,
        rows: relativeBias.rows,
        maxDistance: 128,
        bidirectional: true,
      })
    this.#biasPoint = hookPoint('encoder.position_bias', [1, numHeads, 'query', 'key'])
    this.#layers = Array.from(
      { length: numLayers },
      (_, i) => new PostNormLayer(`encoder.${i}`, weights.scope(`${names.layers}.${i}`), options),
    )
    weights.ignore(/^embeddings\.position_ids$/, /^embeddings\.token_type_ids$/)
  }

  hookPoints(): HookPoint[] {
    const bias = this.#positionBias ? [this.#biasPoint] : []
    return [...this.#embeddings.hookPoints(), ...bias, ...this.#layers.flatMap((layer) => layer.hookPoints())]
  }

  /** Where the states between the layers pass: the embeddings, and after each layer. */
  statePoints(): HookPoint[] {
    return [this.#embeddings.out, ...this.#layers.map(({ out }) => out)]
  }

  /** Where the attention probabilities of each layer pass. */
  probPoints(): HookPoint[] {
    return this.hookPoints().filter(({ name }) => name.endsWith('self_attention.probs'))
  }

  /** Most tokens of a text. */
  get maxLength(): number {
    return this.#embeddings.maxLength
  }

  /** ids [batch, seq] and mask [batch, 1, 1, seq] -> [batch, seq, dimension] */
  async forward(inputIds: Ids, tokenTypeIds: Ids, mask: Float, pass: Pass): Promise<Float> {
    const seq = inputIds.shape[1]
    const bias = this.#positionBias?.forward(seq, seq, pass)
    const positionBias = bias && (await pass.show(this.#biasPoint, bias)) // [1, heads, query, key]
    let hiddenStates = await this.#embeddings.forward(inputIds, tokenTypeIds, pass) // [batch, seq, dimension]
    for (const layer of this.#layers) {
      hiddenStates = await pass.layer(hiddenStates, (x, pass) => layer.forward(x, { mask, positionBias }, pass))
    }
    return hiddenStates
  }
}
