/**
 * A Llama as an ONNX file with a cache, in the form of the onnx-community's exports: onnxruntime's GroupQueryAttention turns queries
 * and keys by their positions, and logits are computed for the last position only.
 */
import type { JsonObject } from '../../src/files/json.js'
import { openWeights } from './checkpoint.js'
import { GraphBuilder, type Value } from './graph.js'
import { addLinear, type Precision } from './linear.js'

export interface LlamaShape {
  readonly layers: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headDim: number
  readonly vocabSize: number
}

export interface LlamaGraph {
  readonly shape: LlamaShape
  /**
   * input_ids [batch, seq], last_position int32 [batch] (of all positions), total_length int32 scalar, past.{layer}.key and
   * .value -> logits [batch, 1, vocabulary], present.{layer}.key and .value
   */
  readonly model: Uint8Array
}

export async function llamaGraph(folder: string, precision: Precision, longest: number): Promise<LlamaGraph> {
  const weights = await openWeights(folder)
  const { config } = weights
  const shape = shapeOf(config)
  const { layers, heads, keyValueHeads, headDim, vocabSize } = shape
  const graph = new GraphBuilder()
  const ids = graph.input('input_ids', 'int64', ['batch', 'seq'])
  const last = graph.input('last_position', 'int32', ['batch'])
  const total = graph.input('total_length', 'int32', [])
  const cacheShape = (length: string) => ['batch', keyValueHeads, length, headDim]
  const [cosines, sines] = rotaryTables(graph, longest, headDim, config.number('rope_theta', 10000))

  const linear = async (name: string, x: Value) => addLinear(graph, x, await weights.linear(name), precision)
  const norm = async (name: string, x: Value) => {
    const { data } = await weights.tensor(`${name}.weight`)
    const attributes = { axis: -1, epsilon: { float: config.number('rms_norm_eps', 1e-6) } }
    return graph.node('SimplifiedLayerNormalization', [x, graph.floats(data)], { attributes })
  }

  const embedding = await weights.linear('model.embed_tokens')
  let x = graph.node('Gather', [graph.floats(embedding.data, [embedding.rows, embedding.columns]), ids])
  for (let layer = 0; layer < layers; layer++) {
    const name = `model.layers.${layer}`
    const normed = await norm(`${name}.input_layernorm`, x)
    const [context, key, value] = graph.nodes(
      'GroupQueryAttention',
      [
        await linear(`${name}.self_attn.q_proj`, normed),
        await linear(`${name}.self_attn.k_proj`, normed),
        await linear(`${name}.self_attn.v_proj`, normed),
        graph.input(`past.${layer}.key`, 'float32', cacheShape('past')),
        graph.input(`past.${layer}.value`, 'float32', cacheShape('past')),
        last,
        total,
        cosines,
        sines,
      ],
      3,
      {
        domain: 'com.microsoft',
        attributes: {
          num_heads: heads,
          kv_num_heads: keyValueHeads,
          do_rotary: 1,
          rotary_interleaved: 0,
          scale: { float: headDim ** -0.5 },
        },
      },
    )
    graph.output(`present.${layer}.key`, 'float32', cacheShape('all'), key)
    graph.output(`present.${layer}.value`, 'float32', cacheShape('all'), value)
    x = graph.node('Add', [x, await linear(`${name}.self_attn.o_proj`, context)])
    const read = await norm(`${name}.post_attention_layernorm`, x)
    const gate = await linear(`${name}.mlp.gate_proj`, read)
    const activated = graph.node('Mul', [gate, graph.node('Sigmoid', [gate])])
    const hidden = graph.node('Mul', [activated, await linear(`${name}.mlp.up_proj`, read)])
    x = graph.node('Add', [x, await linear(`${name}.mlp.down_proj`, hidden)])
  }
  const end = graph.node('Slice', [x, graph.int64s([-1]), graph.int64s([2 ** 31]), graph.int64s([1])])
  const logits = addLinear(graph, await norm('model.norm', end), embedding, precision)
  graph.output('logits', 'float32', ['batch', 1, vocabSize], logits)
  await weights.close()
  return { shape, model: graph.toBytes() }
}

function shapeOf(config: JsonObject): LlamaShape {
  if (!config.boolean('tie_word_embeddings', false)) throw new Error('llamaGraph: only tied embeddings')
  const heads = config.integer('num_attention_heads')
  return {
    layers: config.integer('num_hidden_layers'),
    heads,
    keyValueHeads: config.integer('num_key_value_heads', { fallback: heads }),
    headDim: config.integer('head_dim', { fallback: config.integer('hidden_size') / heads }),
    vocabSize: config.integer('vocab_size'),
  }
}

/** Cosines and sines of each position and frequency, [positions, headDim / 2] each. */
function rotaryTables(graph: GraphBuilder, positions: number, headDim: number, base: number): [Value, Value] {
  const half = headDim / 2
  const angles = Array.from({ length: positions * half }, (_, at) => {
    const frequency = base ** (-(at % half) / half)
    return Math.floor(at / half) * frequency
  })
  const table = (of: (angle: number) => number) => graph.floats(angles.map(of), [positions, half])
  return [table(Math.cos), table(Math.sin)]
}
