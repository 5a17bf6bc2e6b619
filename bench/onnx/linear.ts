/**
 * A linear layer in ONNX, in two precisions. f32 is MatMul and Add. q8 is what onnxruntime.quantization.quantize_dynamic
 * writes, and so what a `q8` model of transformers.js consists of: the input is quantised to 8 bits as it comes, the weight was
 * quantised ahead, one scale for each column.
 */
import type { GraphBuilder, Value } from './graph.js'

export type Precision = 'f32' | 'q8'

export interface LinearWeight {
  /** [rows, columns] as PyTorch stores it: y = x weight^T + bias */
  readonly data: Float32Array
  readonly rows: number
  readonly columns: number
  /** [rows] */
  readonly bias?: Float32Array
}

/** [..., columns] -> [..., rows] */
export function addLinear(graph: GraphBuilder, x: Value, weight: LinearWeight, precision: Precision): Value {
  const product = precision === 'q8' ? quantizedProduct(graph, x, weight) : floatProduct(graph, x, weight)
  return weight.bias ? graph.node('Add', [product, graph.floats(weight.bias)]) : product
}

function floatProduct(graph: GraphBuilder, x: Value, weight: LinearWeight): Value {
  return graph.node('MatMul', [x, graph.floats(transposed(weight), [weight.columns, weight.rows])])
}

function quantizedProduct(graph: GraphBuilder, x: Value, weight: LinearWeight): Value {
  const { columns, rows } = weight
  const values = transposed(weight) // [columns, rows]
  const scales = new Float32Array(rows)
  for (let at = 0; at < values.length; at++) {
    scales[at % rows] = Math.max(scales[at % rows], Math.abs(values[at]) / 127)
  }
  const quantized = Int8Array.from(values, (value, at) => Math.round(value / (scales[at % rows] || 1)))
  const [xInteger, xScale, xZero] = graph.nodes('DynamicQuantizeLinear', [x], 3)
  const product = graph.node('MatMulInteger', [
    xInteger,
    graph.constant('int8', [columns, rows], quantized),
    xZero,
    graph.constant('int8', [rows], new Int8Array(rows)),
  ])
  const scale = graph.node('Mul', [xScale, graph.floats(scales)])
  return graph.node('Mul', [graph.node('Cast', [product], { attributes: { to: 1 } }), scale])
}

/** [rows, columns] -> [columns, rows], the order that ONNX's MatMul wants. */
export function transposed({ data, rows, columns }: LinearWeight): Float32Array {
  const result = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = data[row * columns + column]
  }
  return result
}
