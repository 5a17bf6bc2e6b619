/**
 * The decoder that GPT-2, Llama and their relatives share: embeddings, pre-norm layers (pre-norm-layer.ts), and a last norm. A
 * family's file says what its own is like; the classes around it are in causal-lm.ts.
 */
import { RotaryEmbedding, windowMask, type DecoderCache } from '../attention/index.js'
import { InputError } from '../errors.js'
import { Embedding, type LayerNorm, type Pass, type RMSNorm, type WeightScope } from '../layers/index.js'
import type { Float, Ids } from '../tensor/ops/index.js'
import { hookPoint, type HookPoint } from '../trace/glass.js'
import { PreNormLayer, type PreNormLayerOptions } from './pre-norm-layer.js'

export interface CausalDecoderOptions {
  readonly vocabSize: number
  readonly dimension: number
  readonly numLayers: number
  readonly layer: (index: number) => PreNormLayerOptions
  /** Positions as a learned table that is added to the embeddings, or as angles by which queries and keys are turned. */
  readonly positions: { readonly name: string; readonly rows: number } | RotaryEmbedding
  /** What the embedding is multiplied with; 1 unless told. The head multiplies with the bare one. */
  readonly embeddingScale?: number
  /** Whether the head multiplies with the embedding. */
  readonly tied: boolean
  /** Names of the embedding, the list of layers, and the last norm. */
  readonly names: { readonly embedding: string; readonly layers: string; readonly norm: string }
}

export interface CausalDecoderInputs {
  /** [batch, query] */
  readonly ids: Ids
  /** [batch or 1, query] */
  readonly positions: Ids
  /** Padding of all positions, those in the cache first; [batch, 1, 1, key] */
  readonly mask?: Float
  readonly cache?: DecoderCache
}

export class CausalDecoder {
  readonly #options: CausalDecoderOptions
  readonly #positions: Embedding | RotaryEmbedding
  readonly #layers: readonly PreNormLayer[]
  readonly #layerOptions: readonly PreNormLayerOptions[]
  readonly #points
  readonly embedding: Embedding
  readonly finalNorm: LayerNorm | RMSNorm

  constructor(weights: WeightScope, options: CausalDecoderOptions) {
    const { vocabSize, dimension, numLayers, positions, tied, names } = options
    this.#options = options
    this.embedding = new Embedding(weights.scope(names.embedding), { rows: vocabSize, dimension, tied })
    this.#positions =
      positions instanceof RotaryEmbedding
        ? positions
        : new Embedding(weights.scope(positions.name), { rows: positions.rows, dimension })
    const layers = Array.from({ length: numLayers }, (_, i) => options.layer(i))
    this.#layers = layers.map(
      (layer, i) => new PreNormLayer(`decoder.${i}`, weights.scope(`${names.layers}.${i}`), layer),
    )
    this.#layerOptions = layers
    const { norm: Norm, epsilon, gainOffset } = layers[0]
    this.finalNorm = new Norm(weights.scope(names.norm), { dimension, epsilon, gainOffset })
    const shape = ['batch', 'query', dimension] as const
    this.#points = {
      word: hookPoint('embeddings.word', shape),
      position: hookPoint('embeddings.position', shape),
      out: hookPoint('embeddings.out', shape),
      norm: hookPoint('decoder.final_norm', shape),
    }
  }

  hookPoints(): HookPoint[] {
    const { word, position, out, norm } = this.#points
    const embeddings = this.#positions instanceof Embedding ? [word, position, out] : [word, out]
    return [...embeddings, ...this.#layers.flatMap((layer) => layer.hookPoints()), norm]
  }

  /** Where the states between the layers pass: before each, and after the last norm. */
  statePoints(): HookPoint[] {
    return [...this.#layers.map(({ input }) => input), this.#points.norm]
  }

  /** The residual stream: before each layer, and after the last. */
  streamPoints(): HookPoint[] {
    return [...this.#layers.map(({ input }) => input), this.#layers.at(-1)!.output]
  }

  /** Where the attention probabilities of each layer pass. */
  probPoints(): HookPoint[] {
    return this.hookPoints().filter(({ name }) => name.endsWith('self_attention.probs'))
  }

  get numLayers(): number {
    return this.#layers.length
  }

  /** -> [batch, query, dimension] */
  async forward({ ids, positions, mask, cache }: CausalDecoderInputs, pass: Pass): Promise<Float> {
    let stream = await this.#embed(ids, positions, pass) // [batch, query, dimension]
    const tableOf = once((rotary: RotaryEmbedding) => rotary.table(positions))
    const queries = ids.shape[1]
    const keys = (cache?.length ?? 0) + queries
    const maskOf = once((window: number) => windowMask(queries, keys, window, mask))
    const common = this.#positions instanceof RotaryEmbedding ? this.#positions : undefined
    for (const [index, layer] of this.#layers.entries()) {
      const { rotary = common, window } = this.#layerOptions[index]
      const inputs = {
        mask: window === undefined ? mask : maskOf(window),
        rotary: rotary && tableOf(rotary),
        cache: cache?.layers[index].self,
      }
      stream = await pass.layer(stream, (x, pass) => layer.forward(x, inputs, pass))
    }
    return pass.show(this.#points.norm, this.finalNorm.forward(stream, pass))
  }

  async #embed(ids: Ids, positions: Ids, pass: Pass): Promise<Float> {
    const { embeddingScale = 1 } = this.#options
    const rows = this.embedding.forward(ids, pass) // [batch, query, dimension]
    const scaled = embeddingScale === 1 ? rows : pass.kernels.scale(rows, embeddingScale)
    let sum = await pass.show(this.#points.word, scaled) // [batch, query, dimension]
    if (this.#positions instanceof Embedding) {
      this.#requireRoom(positions)
      const each = positions.broadcastTo(ids.shape)
      sum = pass.kernels.add(sum, await pass.show(this.#points.position, this.#positions.forward(each, pass)))
    }
    return pass.show(this.#points.out, sum)
  }

  #requireRoom(positions: Ids): void {
    const { positions: table } = this.#options
    if (table instanceof RotaryEmbedding) return
    const last = positions.toArray().reduce((most, position) => Math.max(most, position), 0)
    if (last < table.rows) return
    throw new InputError('too-long', `the text has a token at position ${last}, this model reads at most ${table.rows}`)
  }
}

/** A function that computes each of its results once. */
function once<K, V>(compute: (key: K) => V): (key: K) => V {
  const results = new Map<K, V>()
  return (key) => {
    if (!results.has(key)) results.set(key, compute(key))
    return results.get(key)!
  }
}
