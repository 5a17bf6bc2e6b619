/**
 * A BERT as an ONNX file, from the same safetensors folder that we load: inputs and outputs as optimum exports them, so that
 * transformers.js runs it as any other model. `fused` takes onnxruntime's MultiHeadAttention in place of the exported MatMuls.
 */
import { bertConfig } from '../../src/models/bert.js'
import { addFusedAttention, addOpenAttention, joinHeads, splitHeads } from './attention.js'
import { openWeights, type WeightReader } from './checkpoint.js'
import { GraphBuilder, type Value } from './graph.js'
import { addLinear, type Precision } from './linear.js'

export interface BertGraphOptions {
  readonly precision: Precision
  readonly attention: 'open' | 'fused'
}

export async function bertGraph(folder: string, { precision, attention }: BertGraphOptions): Promise<Uint8Array> {
  const weights = await openWeights(folder)
  const config = bertConfig(weights.config)
  const { hiddenSize, numAttentionHeads: heads, layerNormEps } = config
  const headDim = hiddenSize / heads
  const graph = new GraphBuilder()
  const ids = graph.input('input_ids', 'int64', ['batch', 'seq'])
  const mask = graph.input('attention_mask', 'int64', ['batch', 'seq'])
  const segments = graph.input('token_type_ids', 'int64', ['batch', 'seq'])

  const linear = async (name: string, x: Value) => addLinear(graph, x, await weights.linear(name), precision)
  const norm = async (name: string, x: Value) =>
    graph.node('LayerNormalization', [x, ...(await normWeights(graph, weights, name))], {
      attributes: { axis: -1, epsilon: { float: layerNormEps } },
    })
  const table = async (name: string) => {
    const { data, shape } = await weights.tensor(`embeddings.${name}.weight`)
    return graph.floats(data, shape)
  }

  const seq = graph.node('Gather', [graph.node('Shape', [ids]), graph.int64s([1], [])])
  const positions = graph.node('Range', [graph.int64s([0], []), seq, graph.int64s([1], [])]) // [seq]
  const word = graph.node('Gather', [await table('word_embeddings'), ids])
  const segment = graph.node('Gather', [await table('token_type_embeddings'), segments])
  const position = graph.node('Gather', [await table('position_embeddings'), positions])
  let x = await norm('embeddings.LayerNorm', graph.node('Add', [graph.node('Add', [word, segment]), position]))
  let bias = maskBias(graph, mask) // [batch, 1, 1, seq]
  if (attention === 'fused') {
    const size = graph.node('Unsqueeze', [seq, graph.int64s([0])])
    const shape = graph.node('Concat', [graph.int64s([1, 1]), size, graph.int64s([1])], { attributes: { axis: 0 } })
    bias = graph.node('Expand', [bias, shape]) // [batch, 1, seq, seq]: the operator does not broadcast the queries
  }

  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const name = `encoder.layer.${layer}`
    const [query, key, value] = [
      await linear(`${name}.attention.self.query`, x),
      await linear(`${name}.attention.self.key`, x),
      await linear(`${name}.attention.self.value`, x),
    ]
    const scale = 1 / Math.sqrt(headDim)
    const split = (y: Value) => splitHeads(graph, y, heads, headDim)
    const context =
      attention === 'fused'
        ? addFusedAttention(graph, { query, key, value, heads, scale, bias })
        : joinHeads(
            graph,
            addOpenAttention(graph, { query: split(query), key: split(key), value: split(value), scale, bias }),
            hiddenSize,
          )
    const attended = await linear(`${name}.attention.output.dense`, context)
    const middle = await norm(`${name}.attention.output.LayerNorm`, graph.node('Add', [attended, x]))
    const wide = graph.node('Gelu', [await linear(`${name}.intermediate.dense`, middle)])
    const fed = await linear(`${name}.output.dense`, wide)
    x = await norm(`${name}.output.LayerNorm`, graph.node('Add', [fed, middle]))
  }
  graph.output('last_hidden_state', 'float32', ['batch', 'seq', hiddenSize], x)
  await weights.close()
  return graph.toBytes()
}

async function normWeights(graph: GraphBuilder, weights: WeightReader, name: string): Promise<[Value, Value]> {
  const [gain, shift] = [await weights.tensor(`${name}.weight`), await weights.tensor(`${name}.bias`)]
  return [graph.floats(gain.data), graph.floats(shift.data)]
}

/** [batch, seq] of 0 and 1 -> [batch, 1, 1, seq] of the lowest float32 and 0 */
export function maskBias(graph: GraphBuilder, mask: Value): Value {
  const wide = graph.node('Unsqueeze', [mask, graph.int64s([1, 2])])
  const kept = graph.node('Cast', [wide], { attributes: { to: 1 } })
  const hidden = graph.node('Sub', [graph.scalar(1), kept])
  return graph.node('Mul', [hidden, graph.scalar(-3.4028234663852886e38)])
}
