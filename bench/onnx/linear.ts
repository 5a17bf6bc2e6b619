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
  const { quantized, scales } = quantize(weight)
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

/** Each row by its largest value, to 8 bits: [columns, rows] and a scale for each row. */
function quantize({ data, rows, columns }: LinearWeight): { quantized: Int8Array; scales: Float32Array } {
  const quantized = new Int8Array(data.length)
  const scales = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    let largest = 0
    for (let column = 0; column < columns; column++) largest = Math.max(largest, Math.abs(data[row * columns + column]))
    scales[row] = largest / 127
    const factor = largest === 0 ? 0 : 127 / largest
    for (let column = 0; column < columns; column++) {
      quantized[column * rows + row] = Math.round(data[row * columns + column] * factor)
    }
  }
  return { quantized, scales }
}

/** [rows, columns] -> [columns, rows], the order that ONNX's MatMul wants. */
export function transposed({ data, rows, columns }: LinearWeight): Float32Array {
  const result = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = data[row * columns + column]
  }
  return result
}
