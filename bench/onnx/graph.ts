/**
 * Builds an ONNX model node by node and writes it, so that the peers get the same weights as we do without Python. Field
 * numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
import { bytes, concat, float, integer, message, text, type Field } from './protobuf.js'

/** Name of a value in the graph; '' for an optional input that is left out. */
export type Value = string

const ELEMENT_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const
export type ElementType = keyof typeof ELEMENT_TYPES

/** A number, or a name for a size that varies. */
export type Dimension = number | string

export type Attribute = number | string | readonly number[] | { readonly float: number }

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>
  /** `com.microsoft` for onnxruntime's own operators. */
  readonly domain?: string
}

/** 20 is the first with Gelu. */
const OPSET = 20
const IR_VERSION = 9

export class GraphBuilder {
  readonly #nodes: Field[] = []
  readonly #initializers: Field[] = []
  readonly #inputs: Field[] = []
  readonly #outputs: Field[] = []
  #count = 0

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.#inputs.push(message(11, valueInfo(name, type, shape)))
    return name
  }

  /** Gives a value the name under which the session returns it. */
  output(name: string, type: ElementType, shape: readonly Dimension[], value: Value): void {
    this.#nodes.push(message(1, nodeFields('Identity', [value], [name], {})))
    this.#outputs.push(message(12, valueInfo(name, type, shape)))
  }

  constant(type: ElementType, shape: readonly number[], data: ArrayBufferView): Value {
    const name = this.#fresh('constant')
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const dims = shape.map((size) => integer(1, size))
    this.#initializers.push(message(5, [...dims, integer(2, ELEMENT_TYPES[type]), text(8, name), bytes(9, raw)]))
    return name
  }

  floats(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Value {
    return this.constant('float32', shape, values instanceof Float32Array ? values : Float32Array.from(values))
  }

  scalar(value: number): Value {
    return this.floats([value], [])
  }

  int64s(values: readonly number[], shape: readonly number[] = [values.length]): Value {
    return this.constant('int64', shape, BigInt64Array.from(values.map(BigInt)))
  }

  /** Adds a node and returns its first output. */
  node(operation: string, inputs: readonly Value[], options: NodeOptions = {}): Value {
    return this.nodes(operation, inputs, 1, options)[0]
  }

  /** Adds a node with several outputs. */
  nodes(operation: string, inputs: readonly Value[], outputs: number, options: NodeOptions = {}): Value[] {
    const names = Array.from({ length: outputs }, () => this.#fresh(operation))
    this.#nodes.push(message(1, nodeFields(operation, inputs, names, options)))
    return names
  }

  toBytes(): Uint8Array {
    const graph = [...this.#nodes, text(2, 'glassformer'), ...this.#initializers, ...this.#inputs, ...this.#outputs]
    return concat([
      integer(1, IR_VERSION),
      text(2, 'glassformer bench'),
      message(7, graph),
      message(8, [text(1, ''), integer(2, OPSET)]),
      message(8, [text(1, 'com.microsoft'), integer(2, 1)]),
    ])
  }

  #fresh(kind: string): Value {
    return `${kind}_${this.#count++}`
  }
}

function nodeFields(
  operation: string,
  inputs: readonly Value[],
  outputs: readonly Value[],
  { attributes = {}, domain = '' }: NodeOptions,
): Field[] {
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(3, `node_${outputs[0]}`),
    text(4, operation),
    ...Object.entries(attributes).map(([name, value]) => message(5, attributeFields(name, value))),
    text(7, domain),
  ]
}

function attributeFields(name: string, value: Attribute): Field[] {
  const kind = (type: number) => integer(20, type)
  if (typeof value === 'number') return [text(1, name), integer(3, value), kind(2)]
  if (typeof value === 'string') return [text(1, name), text(4, value), kind(3)]
  if ('float' in value) return [text(1, name), float(2, value.float), kind(1)]
  return [text(1, name), ...value.map((item) => integer(8, item)), kind(7)]
}

function valueInfo(name: string, type: ElementType, shape: readonly Dimension[]): Field[] {
  const dims = shape.map((size) => message(1, [typeof size === 'number' ? integer(1, size) : text(2, size)]))
  return [text(1, name), message(2, [message(1, [integer(1, ELEMENT_TYPES[type]), message(2, dims)])])]
}
