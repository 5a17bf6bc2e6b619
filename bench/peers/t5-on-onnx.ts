/**
 * The reader's T5 on onnxruntime, behind the methods that our Reader calls, so that retrieval, search and the mathematics around
 * the forward pass are the same code on both sides and only the forward pass differs.
 */
import type { Float } from '../../src/tensor/ops/index.js'
import { generate, type Decoding, type GenerateOptions, type GenerationConfig } from '../../src/generation/index.js'
import type { T5Config } from '../../src/models/t5-config.js'
import { Tensor } from '../../src/tensor/index.js'
import type { T5Graphs } from '../onnx/t5.js'
import type { OnnxRuntime, OrtSession, OrtTensor } from './onnx-runtime.js'

interface Encoded {
  readonly batch: number
  readonly mask: OrtTensor
  /** cross.{layer}.key and .value */
  readonly cross: Readonly<Record<string, OrtTensor>>
}

/** past.{layer}.key and .value */
interface Cache {
  past: Record<string, OrtTensor>
}

export class T5OnOnnx {
  readonly generationConfig: GenerationConfig
  readonly #runtime: OnnxRuntime
  readonly #config: T5Config
  readonly #encoder: OrtSession
  readonly #decoder: OrtSession

  private constructor(
    runtime: OnnxRuntime,
    config: T5Config,
    sessions: readonly [OrtSession, OrtSession],
    generation: GenerationConfig,
  ) {
    this.generationConfig = generation
    this.#runtime = runtime
    this.#config = config
    this.#encoder = sessions[0]
    this.#decoder = sessions[1]
  }

  static async create(runtime: OnnxRuntime, graphs: T5Graphs, generation: GenerationConfig): Promise<T5OnOnnx> {
    const encoder = await runtime.session(graphs.encoder)
    return new T5OnOnnx(runtime, graphs.config, [encoder, await runtime.session(graphs.decoder)], generation)
  }

  async encode(inputs: { inputIds: number[][]; attentionMask: number[][] }): Promise<Encoded> {
    const [ids, mask] = [this.#rows(inputs.inputIds), this.#rows(inputs.attentionMask)]
    const outputs = await this.#encoder.run({ input_ids: ids, attention_mask: mask })
    const cross = Object.fromEntries(Object.entries(outputs).filter(([name]) => name.startsWith('cross.')))
    return { batch: inputs.inputIds.length, mask, cross }
  }

  startCache(): Cache {
    return { past: {} }
  }

  /** [batch, query] -> [batch, query, vocabulary] */
  async decode(
    encoded: Encoded,
    ids: readonly (readonly number[])[],
    { cache }: { cache?: Cache } = {},
  ): Promise<Float> {
    const held = cache && Object.keys(cache.past).length > 0 ? cache.past : this.#emptyPast(encoded.batch)
    const feeds = { input_ids: this.#rows(ids), attention_mask: encoded.mask, ...encoded.cross, ...held }
    const { logits, ...present } = await this.#decoder.run(feeds)
    if (cache) {
      const renamed = Object.entries(present).map(([name, tensor]) => [name.replace('present', 'past'), tensor])
      cache.past = Object.fromEntries(renamed) as Cache['past']
    }
    return Tensor.float32(logits.data as Float32Array, [...logits.dims])
  }

  startDecodingFrom(encoded: Encoded): Decoding {
    const cache = this.startCache()
    return {
      decoder: {
        next: async (tokens) => (await this.decode(encoded, tokens, { cache })).select(1, -1), // [batch, vocabulary]
        reorder: () => {
          throw new Error('the bench has greedy search only')
        },
        dispose: () => {},
      },
      prompt: Array.from({ length: encoded.batch }, () => [this.generationConfig.decoderStartTokenId]),
    }
  }

  generateFrom(encoded: Encoded, options: GenerateOptions = {}) {
    return generate(this.startDecodingFrom(encoded), this.generationConfig, options)
  }

  async close(): Promise<void> {
    await this.#encoder.release()
    await this.#decoder.release()
  }

  #emptyPast(batch: number): Cache['past'] {
    const { numDecoderLayers, numHeads, dKv } = this.#config
    const past: Cache['past'] = {}
    for (let layer = 0; layer < numDecoderLayers; layer++) {
      for (const part of ['key', 'value']) {
        past[`past.${layer}.${part}`] = this.#runtime.floats(new Float32Array(0), [batch, numHeads, 0, dKv])
      }
    }
    return past
  }

  #rows(rows: readonly (readonly number[])[]): OrtTensor {
    return this.#runtime.ids(rows.flat(), [rows.length, rows[0].length])
  }
}
