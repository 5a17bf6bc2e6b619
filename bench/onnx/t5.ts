/**
 * A T5 as two ONNX files, split as optimum splits an encoder-decoder: the encoder, which here also makes the keys and values that all
 * decoder layers look at, and a decoder step that takes and returns the cache. Tied embeddings and gated feed-forward, which
 * is what the reader has.
 */
import { t5Config, type T5Config } from '../../src/models/t5-config.js'
import { relativePositionBucket } from '../../src/tensor/ops/index.js'
import { addOpenAttention, joinHeads, splitHeads } from './attention.js'
import { maskBias } from './bert.js'
import { openWeights, type WeightReader } from './checkpoint.js'
import { GraphBuilder, type Value } from './graph.js'
import { addLinear } from './linear.js'

export interface T5Graphs {
  readonly config: T5Config
  /** input_ids, attention_mask [batch, seq] -> last_hidden_state, cross.{layer}.key and .value */
  readonly encoder: Uint8Array
  /** input_ids [batch, query], attention_mask, cross.*, past.{layer}.key and .value -> logits, present.* */
  readonly decoder: Uint8Array
}

/** Distances beyond this share the last bucket. */
const FARTHEST = 512

export async function t5Graphs(folder: string): Promise<T5Graphs> {
  const weights = await openWeights(folder)
  const config = t5Config(weights.config)
  if (!config.isGatedAct || !config.tieWordEmbeddings) throw new Error('t5Graphs: only gated, tied models')
  const graphs = {
    config,
    encoder: await new T5GraphMaker(weights, config).encoder(),
    decoder: await new T5GraphMaker(weights, config).decoder(),
  }
  await weights.close()
  return graphs
}

class T5GraphMaker {
  readonly #graph = new GraphBuilder()
  readonly #weights: WeightReader
  readonly #config: T5Config

  constructor(weights: WeightReader, config: T5Config) {
    this.#weights = weights
    this.#config = config
  }

  async encoder(): Promise<Uint8Array> {
    const graph = this.#graph
    const { dModel, numLayers, numDecoderLayers } = this.#config
    const ids = graph.input('input_ids', 'int64', ['batch', 'seq'])
    const mask = graph.input('attention_mask', 'int64', ['batch', 'seq'])
    const { data, shape } = await this.#weights.tensor('shared.weight')
    let x = graph.node('Gather', [graph.floats(data, shape), ids]) // [batch, seq, dModel]
    const seq = this.#sizeOf(ids, 1)
    const positions = this.#range(graph.int64s([0], []), seq)
    const bias = graph.node('Add', [await this.#positionBias('encoder', positions, positions), maskBias(graph, mask)])
    for (let layer = 0; layer < numLayers; layer++) {
      const name = `encoder.block.${layer}.layer`
      const normed = await this.#norm(`${name}.0.layer_norm`, x)
      const key = await this.#heads(`${name}.0.SelfAttention.k`, normed)
      const value = await this.#heads(`${name}.0.SelfAttention.v`, normed)
      x = graph.node('Add', [x, await this.#attend(`${name}.0.SelfAttention`, normed, key, value, bias)])
      x = await this.#feedForward(`${name}.1`, x)
    }
    x = await this.#norm('encoder.final_layer_norm', x)
    graph.output('last_hidden_state', 'float32', ['batch', 'seq', dModel], x)
    for (let layer = 0; layer < numDecoderLayers; layer++) {
      for (const part of ['key', 'value'] as const) {
        const heads = await this.#heads(`decoder.block.${layer}.layer.1.EncDecAttention.${part[0]}`, x)
        graph.output(`cross.${layer}.${part}`, 'float32', this.#headShape('seq'), heads)
      }
    }
    return graph.toBytes()
  }

  async decoder(): Promise<Uint8Array> {
    const graph = this.#graph
    const { dModel, numDecoderLayers, vocabSize } = this.#config
    const ids = graph.input('input_ids', 'int64', ['batch', 'query'])
    const mask = graph.input('attention_mask', 'int64', ['batch', 'source'])
    const { data, shape } = await this.#weights.tensor('shared.weight')
    let x = graph.node('Gather', [graph.floats(data, shape), ids]) // [batch, query, dModel]
    const crossBias = maskBias(graph, mask) // [batch, 1, 1, source]
    const past = Array.from({ length: numDecoderLayers }, (_, layer) => ({
      key: graph.input(`past.${layer}.key`, 'float32', this.#headShape('past')),
      value: graph.input(`past.${layer}.value`, 'float32', this.#headShape('past')),
      crossKey: graph.input(`cross.${layer}.key`, 'float32', this.#headShape('source')),
      crossValue: graph.input(`cross.${layer}.value`, 'float32', this.#headShape('source')),
    }))
    const held = this.#sizeOf(past[0].key, 2)
    const end = graph.node('Add', [held, this.#sizeOf(ids, 1)])
    const bias = await this.#positionBias('decoder', this.#range(held, end), this.#range(graph.int64s([0], []), end))
    for (const [layer, cache] of past.entries()) {
      const name = `decoder.block.${layer}.layer`
      const normed = await this.#norm(`${name}.0.layer_norm`, x)
      const append = async (part: 'key' | 'value') => {
        const added = await this.#heads(`${name}.0.SelfAttention.${part[0]}`, normed)
        const all = graph.node('Concat', [cache[part], added], { attributes: { axis: 2 } })
        graph.output(`present.${layer}.${part}`, 'float32', this.#headShape('all'), all)
        return all
      }
      const [key, value] = [await append('key'), await append('value')]
      x = graph.node('Add', [x, await this.#attend(`${name}.0.SelfAttention`, normed, key, value, bias)])
      const query = await this.#norm(`${name}.1.layer_norm`, x)
      const cross = this.#attend(`${name}.1.EncDecAttention`, query, cache.crossKey, cache.crossValue, crossBias)
      x = graph.node('Add', [x, await cross])
      x = await this.#feedForward(`${name}.2`, x)
    }
    x = graph.node('Mul', [await this.#norm('decoder.final_layer_norm', x), graph.scalar(dModel ** -0.5)])
    const logits = addLinear(graph, x, await this.#weights.linear('shared'), 'f32')
    graph.output('logits', 'float32', ['batch', 'query', vocabSize], logits)
    return graph.toBytes()
  }

  /** Bias of each distance, and in a decoder the mask of what comes later: [1, heads, query, key] */
  async #positionBias(stack: 'encoder' | 'decoder', queries: Value, keys: Value): Promise<Value> {
    const graph = this.#graph
    const {
      numHeads,
      relativeAttentionNumBuckets: numBuckets,
      relativeAttentionMaxDistance: maxDistance,
    } = this.#config
    const bidirectional = stack === 'encoder'
    const { data } = await this.#weights.tensor(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`)
    const table = new Float32Array((2 * FARTHEST + 1) * numHeads) // [distance + FARTHEST, heads]
    for (let distance = -FARTHEST; distance <= FARTHEST; distance++) {
      const bucket = relativePositionBucket(distance, { numBuckets, maxDistance, bidirectional })
      const row = data.subarray(bucket * numHeads, (bucket + 1) * numHeads)
      const later = !bidirectional && distance > 0
      table.set(later ? row.map(() => -3.4028234663852886e38) : row, (distance + FARTHEST) * numHeads)
    }
    const down = graph.node('Unsqueeze', [queries, graph.int64s([1])])
    const distance = graph.node('Sub', [graph.node('Unsqueeze', [keys, graph.int64s([0])]), down]) // [query, key]
    const near = graph.node('Clip', [distance, graph.int64s([-FARTHEST], []), graph.int64s([FARTHEST], [])])
    const rows = graph.node('Add', [near, graph.int64s([FARTHEST], [])])
    const biases = graph.node('Gather', [graph.floats(table, [2 * FARTHEST + 1, numHeads]), rows]) // [query, key, heads]
    const byHead = graph.node('Transpose', [biases], { attributes: { perm: [2, 0, 1] } })
    return graph.node('Unsqueeze', [byHead, graph.int64s([0])])
  }

  async #attend(name: string, x: Value, key: Value, value: Value, bias: Value): Promise<Value> {
    const { numHeads, dKv } = this.#config
    const query = await this.#heads(`${name}.q`, x)
    const context = addOpenAttention(this.#graph, { query, key, value, scale: 1, bias })
    return this.#linear(`${name}.o`, joinHeads(this.#graph, context, numHeads * dKv))
  }

  async #feedForward(name: string, x: Value): Promise<Value> {
    const graph = this.#graph
    const normed = await this.#norm(`${name}.layer_norm`, x)
    const gate = graph.node('Gelu', [await this.#linear(`${name}.DenseReluDense.wi_0`, normed)], {
      attributes: { approximate: 'tanh' },
    })
    const hidden = graph.node('Mul', [gate, await this.#linear(`${name}.DenseReluDense.wi_1`, normed)])
    return graph.node('Add', [x, await this.#linear(`${name}.DenseReluDense.wo`, hidden)])
  }

  async #linear(name: string, x: Value): Promise<Value> {
    return addLinear(this.#graph, x, await this.#weights.linear(name), 'f32')
  }

  /** A projection, split: [batch, heads, seq, dKv] */
  async #heads(name: string, x: Value): Promise<Value> {
    const { numHeads, dKv } = this.#config
    return splitHeads(this.#graph, await this.#linear(name, x), numHeads, dKv)
  }

  /** RMSNorm: onnxruntime calls it simplified, and its optimiser turns exported models into it. */
  async #norm(name: string, x: Value): Promise<Value> {
    const { data } = await this.#weights.tensor(`${name}.weight`)
    const attributes = { axis: -1, epsilon: { float: this.#config.layerNormEpsilon } }
    return this.#graph.node('SimplifiedLayerNormalization', [x, this.#graph.floats(data)], { attributes })
  }

  #headShape(seq: string): (string | number)[] {
    return ['batch', this.#config.numHeads, seq, this.#config.dKv]
  }

  #sizeOf(x: Value, axis: number): Value {
    return this.#graph.node('Gather', [this.#graph.node('Shape', [x]), this.#graph.int64s([axis], [])])
  }

  #range(start: Value, end: Value): Value {
    return this.#graph.node('Range', [start, end, this.#graph.int64s([1], [])])
  }
}
