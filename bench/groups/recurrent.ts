/**
 * (f) What the transformer replaced: an LSTM against a transformer encoder of the same hidden size and depth, over longer and longer
 * texts, both on the same kernels. The LSTM's step t waits for step t - 1; the encoder computes all positions at once but looks
 * at every pair of them. One text, one forward pass.
 */
import { bestBackend, linear, packLinear } from '../backend.js'
import { compare, type Entrant, type Row } from '../compare.js'
import type { BenchContext, Group, LineChart } from '../group.js'
import { Random } from '../random.js'
import type { Backend, PackedMatrix } from '../../src/backends/index.js'
import { memoryFolder } from '../../src/files/folder.js'
import { BertModel } from '../../src/models/index.js'
import { writeSafetensors } from '../../src/safetensors/index.js'
import { Tensor, type Shape } from '../../src/tensor/index.js'
import { lstm as referenceLstm, type Float } from '../../src/tensor/ops/index.js'

const LAYERS = 2
const VOCABULARY = 32
const WEIGHT_DEVIATION = 0.05

interface Size {
  readonly hidden: number
  readonly heads: number
  readonly lengths: readonly number[]
}

const SIZE: Size = { hidden: 384, heads: 12, lengths: [16, 32, 64, 128, 256, 512, 1024] }
const SMALL: Size = { hidden: 16, heads: 2, lengths: [4, 8] }

export const recurrent: Group = {
  name: 'recurrent',
  title: '(f) transformer encoder and LSTM, hidden 384, 2 layers',
  async run(context) {
    const { options } = context
    const size = options.small ? SMALL : SIZE
    const backend = await bestBackend(options.threads)
    const encoder = await makeEncoder(backend, size)
    const layers = makeLstm(backend, size.hidden)
    await checkLstm(backend, layers[0], size.hidden)
    const rows: Row[] = []
    for (const length of size.lengths)
      rows.push(...(await measure(context, backend, encoder, layers, size.hidden, length)))
    backend.dispose()
    return { rows, charts: [chart(rows, size)] }
  },
}

function measure(
  { options, progress }: BenchContext,
  backend: Backend,
  encoder: BertModel,
  layers: readonly LstmLayer[],
  hidden: number,
  length: number,
): Promise<Row[]> {
  const work = `forward pass, ${length} tokens`
  progress(work)
  const ids = Array.from({ length }, (_, i) => i % VOCABULARY)
  const x = Tensor.float32(new Random(length).normals(length * hidden), [length, hidden])
  const ours: Entrant = {
    name: `encoder on ${backend.name}`,
    prepare: () => ({ run: () => encoder.forward({ inputIds: [ids] }) }),
  }
  const peer: Entrant = {
    name: `LSTM on ${backend.name}`,
    prepare: () => ({ run: () => runLstm(backend, x, layers) }),
  }
  const value = (seconds: number) => length / seconds
  return compare({ group: 'recurrent', work, unit: 'tokens/s', value, ours, peers: [peer] }, options.race)
}

function chart(rows: readonly Row[], { lengths }: Size): LineChart {
  const series = (name: string, of: 'ours' | 'peer') => ({
    name,
    points: rows.flatMap(({ values }, i) => (values[of] ? [[lengths[i], values[of].median] as const] : [])),
  })
  return {
    name: 'recurrent',
    title: 'Transformer encoder and LSTM, hidden 384, 2 layers, one forward pass',
    x: 'tokens in the text',
    y: 'tokens/s',
    series: [series('transformer encoder', 'ours'), series('LSTM', 'peer')],
  }
}

/** A BERT with random weights, from a folder in memory. */
function makeEncoder(backend: Backend, { hidden, heads, lengths }: Size): Promise<BertModel> {
  const random = new Random(6)
  const weights = new Map<string, Tensor>()
  const matrix = (name: string, shape: Shape) => {
    const count = shape.reduce((product, size) => product * size, 1)
    weights.set(name, Tensor.float32(random.normals(count, WEIGHT_DEVIATION), shape))
  }
  const linearLayer = (name: string, rows: number, columns: number) => {
    matrix(`${name}.weight`, [rows, columns])
    matrix(`${name}.bias`, [rows])
  }
  const norm = (name: string) => {
    weights.set(`${name}.weight`, Tensor.float32(new Float32Array(hidden).fill(1)))
    weights.set(`${name}.bias`, Tensor.zeros('float32', [hidden]))
  }
  const longest = lengths.at(-1)!
  matrix('embeddings.word_embeddings.weight', [VOCABULARY, hidden])
  matrix('embeddings.position_embeddings.weight', [longest, hidden])
  matrix('embeddings.token_type_embeddings.weight', [2, hidden])
  norm('embeddings.LayerNorm')
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = `encoder.layer.${layer}`
    for (const part of ['self.query', 'self.key', 'self.value', 'output.dense']) {
      linearLayer(`${name}.attention.${part}`, hidden, hidden)
    }
    linearLayer(`${name}.intermediate.dense`, 4 * hidden, hidden)
    linearLayer(`${name}.output.dense`, hidden, 4 * hidden)
    norm(`${name}.attention.output.LayerNorm`)
    norm(`${name}.output.LayerNorm`)
  }
  const config = {
    model_type: 'bert',
    vocab_size: VOCABULARY,
    hidden_size: hidden,
    num_hidden_layers: LAYERS,
    num_attention_heads: heads,
    intermediate_size: 4 * hidden,
    max_position_embeddings: longest,
  }
  const files = new Map([
    ['config.json', new TextEncoder().encode(JSON.stringify(config))],
    ['model.safetensors', writeSafetensors(weights)],
  ])
  return BertModel.fromPretrained(memoryFolder(files), { backend })
}

interface LstmLayer {
  readonly input: PackedMatrix
  readonly hidden: PackedMatrix
  /** The same weights for the reference, [4 * hidden, hidden] and [4 * hidden]. */
  readonly weights: { readonly input: Float; readonly hidden: Float; readonly bias: Float }
}

function makeLstm(backend: Backend, hidden: number): LstmLayer[] {
  const random = new Random(1997)
  const matrix = () => Tensor.float32(random.normals(4 * hidden * hidden, WEIGHT_DEVIATION), [4 * hidden, hidden])
  return Array.from({ length: LAYERS }, () => {
    const weights = { input: matrix(), hidden: matrix(), bias: Tensor.float32(random.normals(4 * hidden)) }
    return {
      weights,
      input: packLinear(backend, weights.input, weights.bias, 'f32'),
      hidden: packLinear(backend, weights.hidden, Tensor.zeros('float32', [4 * hidden]), 'f32'),
    }
  })
}

/** [seq, hidden] -> [seq, hidden] */
async function runLstm(backend: Backend, x: Float, layers: readonly LstmLayer[]): Promise<Float> {
  for (const layer of layers) x = await runLayer(backend, x, layer)
  return x
}

/**
 * ops/recurrent.ts on the backend's kernels: all steps' inputs are multiplied at once, so that only the product with the hidden
 * state is left to the steps.
 */
async function runLayer(backend: Backend, x: Float, { input, hidden: recurrent }: LstmLayer): Promise<Float> {
  const [seq, size] = x.shape
  const fromInput = (await linear(backend, x, input)).contiguous() // [seq, 4 * hidden]
  const output = new Float32Array(seq * size)
  const cell = new Float32Array(size)
  let hidden = new Float32Array(size)
  for (let step = 0; step < seq; step++) {
    const fromHidden = (await linear(backend, Tensor.float32(hidden, [1, size]), recurrent)).contiguous() // [1, 4 * hidden]
    const at = fromInput.offset + step * 4 * size
    const gate = (index: number) => fromInput.data[at + index] + fromHidden.data[fromHidden.offset + index]
    hidden = new Float32Array(size)
    for (let unit = 0; unit < size; unit++) {
      const written = sigmoid(gate(unit)) * Math.tanh(gate(2 * size + unit))
      cell[unit] = sigmoid(gate(size + unit)) * cell[unit] + written
      hidden[unit] = sigmoid(gate(3 * size + unit)) * Math.tanh(cell[unit])
    }
    output.set(hidden, step * size)
  }
  return Tensor.float32(output, [seq, size])
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

/** @throws when the LSTM that is timed is not the one of ops/recurrent.ts */
async function checkLstm(backend: Backend, layer: LstmLayer, size: number): Promise<void> {
  const seq = 5
  const x = Tensor.float32(new Random(5).normals(seq * size), [seq, size])
  const { input, hidden, bias } = layer.weights
  const { output } = referenceLstm(x.reshape([1, seq, size]), {
    inputWeight: input,
    hiddenWeight: hidden,
    inputBias: bias,
    hiddenBias: Tensor.zeros('float32', [4 * size]),
  })
  const [wanted, got] = [output.toArray(), (await runLayer(backend, x, layer)).toArray()]
  const error = Math.max(...wanted.map((value, i) => Math.abs(value - got[i])))
  if (!(error < 1e-4)) throw new Error(`the timed LSTM differs from ops/recurrent.ts by ${error}`)
}
