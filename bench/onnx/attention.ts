/**
 * Attention in ONNX, in two forms: `open` is the MatMul, Softmax, MatMul of an exported model, `fused` is onnxruntime's own
 * MultiHeadAttention operator, which no exporter of transformers.js writes but which is the best that the runtime has.
 */
import type { GraphBuilder, Value } from './graph.js'

/** query, key, value [batch, heads, seq, headDim] -> [batch, heads, query, headDim]; the mask is added to the scores. */
export function addOpenAttention(
  graph: GraphBuilder,
  { query, key, value, scale, bias }: { query: Value; key: Value; value: Value; scale: number; bias?: Value },
): Value {
  const keys = graph.node('Transpose', [key], { attributes: { perm: [0, 1, 3, 2] } })
  let scores = graph.node('MatMul', [query, keys])
  if (scale !== 1) scores = graph.node('Mul', [scores, graph.scalar(scale)])
  if (bias) scores = graph.node('Add', [scores, bias])
  return graph.node('MatMul', [graph.node('Softmax', [scores], { attributes: { axis: -1 } }), value])
}

/** query, key, value [batch, seq, heads * headDim] -> [batch, query, heads * headDim] */
export function addFusedAttention(
  graph: GraphBuilder,
  options: { query: Value; key: Value; value: Value; heads: number; scale: number; bias?: Value },
): Value {
  const { query, key, value, heads, scale, bias } = options
  const inputs = [query, key, value, '', '', ...(bias ? [bias] : [])]
  return graph.node('MultiHeadAttention', inputs, {
    domain: 'com.microsoft',
    attributes: { num_heads: heads, scale: { float: scale } },
  })
}

/** [batch, seq, heads * headDim] -> [batch, heads, seq, headDim] */
export function splitHeads(graph: GraphBuilder, x: Value, heads: number, headDim: number): Value {
  const split = graph.node('Reshape', [x, graph.int64s([0, 0, heads, headDim])])
  return graph.node('Transpose', [split], { attributes: { perm: [0, 2, 1, 3] } })
}

/** The inverse of {@link splitHeads}. */
export function joinHeads(graph: GraphBuilder, x: Value, width: number): Value {
  const order = graph.node('Transpose', [x], { attributes: { perm: [0, 2, 1, 3] } })
  return graph.node('Reshape', [order, graph.int64s([0, 0, width])])
}
