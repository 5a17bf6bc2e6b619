/**
 * (a) The attention kernel: softmax(query key^T / sqrt(headDim)) value over 12 heads. Exported models do it in three
 * operators; onnxruntime's own fused operator is the harder peer.
 */
import { attention as ownAttention, bestBackend } from '../backend.js'
import { compare, type Entrant, type Row } from '../compare.js'
import type { BenchContext, Group } from '../group.js'
import { addFusedAttention, addOpenAttention, joinHeads, splitHeads } from '../onnx/attention.js'
import { GraphBuilder } from '../onnx/graph.js'
import { bestMode, flatten, type GpuRows } from '../peers/gpu-js.js'
import type { RuntimeName } from '../peers/onnx-runtime.js'
import { Random } from '../random.js'
import { Tensor } from '../../src/tensor/index.js'
import type { Backend } from '../../src/backends/index.js'

interface Shape {
  readonly heads: number
  readonly headDim: number
  readonly seq: number
}

const SHAPES: readonly Shape[] = [32, 64].flatMap((headDim) =>
  [128, 256, 512].map((seq) => ({ heads: 12, headDim, seq })),
)
const SMALL: readonly Shape[] = [{ heads: 2, headDim: 8, seq: 16 }]

/** gpu.js takes seconds for longer texts. */
const LONGEST_FOR_GPU_JS = 128

export const attention: Group = {
  name: 'attention',
  title: '(a) attention kernel, 12 heads',
  async run(context) {
    const backend = await bestBackend(context.options.threads)
    const rows: Row[] = []
    for (const shape of context.options.small ? SMALL : SHAPES) rows.push(...(await measure(context, backend, shape)))
    backend.dispose()
    return { rows }
  },
}

function measure({ options, peers, progress }: BenchContext, backend: Backend, shape: Shape): Promise<Row[]> {
  const { heads, headDim, seq } = shape
  const work = `attention seq ${seq} headDim ${headDim}`
  progress(work)
  const random = new Random(seq + headDim)
  const width = heads * headDim
  const flat = [random.normals(seq * width), random.normals(seq * width), random.normals(seq * width)] // [seq, heads * headDim]
  const scale = headDim ** -0.5

  const ours: Entrant = {
    name: `${backend.name} f32`,
    prepare: () => {
      const [query, key, value] = flat.map((data) =>
        Tensor.float32(data, [1, seq, heads, headDim]).transpose(0, 2, 1, 3),
      ) // [1, heads, seq, headDim]
      const run = () => ownAttention(backend, { query, key, value, scale })
      return {
        run: () => run(),
        result: async () => (await run()).transpose(0, 2, 1, 3).toArray(),
      }
    },
  }
  const onnx = (name: RuntimeName, form: 'open' | 'fused', target?: number): Entrant => ({
    name: form === 'open' ? name : `${name} fused`,
    target: options.small ? undefined : target,
    prepare: async () => {
      const runtime = await peers.runtime(name)
      const session = await runtime.session(graphOf(shape, form))
      const feeds = Object.fromEntries(
        flat.map((data, i) => [['query', 'key', 'value'][i], runtime.floats(data, [1, seq, width])]),
      )
      return {
        run: () => session.run(feeds),
        result: async () => (await session.run(feeds)).y.data as Float32Array,
        close: () => session.release(),
      }
    },
  })
  const gpu: Entrant = { name: 'gpu.js', prepare: () => gpuAttention(peers, flat, shape) }

  return compare(
    {
      group: 'attention',
      work,
      unit: 'GFLOP/s',
      value: (seconds) => (4 * seq * seq * width) / seconds / 1e9,
      ours,
      peers: [
        onnx('onnxruntime-web', 'open', 1.4),
        onnx('onnxruntime-web', 'fused'),
        onnx('onnxruntime-node', 'open'),
        onnx('onnxruntime-node', 'fused'),
        ...(seq <= LONGEST_FOR_GPU_JS ? [gpu] : []),
      ],
    },
    options.race,
  )
}

/** query, key, value [1, seq, heads * headDim], as a model's projections leave them, to y of the same shape. */
function graphOf({ heads, headDim, seq }: Shape, form: 'open' | 'fused'): Uint8Array {
  const width = heads * headDim
  const scale = headDim ** -0.5
  const graph = new GraphBuilder()
  const [query, key, value] = ['query', 'key', 'value'].map((name) => graph.input(name, 'float32', [1, seq, width]))
  const split = (x: string) => splitHeads(graph, x, heads, headDim)
  const y =
    form === 'fused'
      ? addFusedAttention(graph, { query, key, value, heads, scale })
      : joinHeads(
          graph,
          addOpenAttention(graph, { query: split(query), key: split(key), value: split(value), scale }),
          width,
        )
  graph.output('y', 'float32', [1, seq, width], y)
  return graph.toBytes()
}

/** Three kernels: scores, the sum of each row's exponentials, and the mix of the values. */
async function gpuAttention(peers: BenchContext['peers'], flat: readonly Float32Array[], shape: Shape) {
  const gpuJs = await peers.gpuJs()
  const { heads, headDim, seq } = shape
  const constants = { headDim, seq, scale: headDim ** -0.5 }
  const [query, key, value] = flat.map((data) => gpuJs.input(data, [heads * headDim, seq]))
  const { run } = await bestMode(gpuJs, (gpu) => {
    const scores = gpu.createKernel(
      `function (query, key) {
        let sum = 0
        const at = this.thread.z * this.constants.headDim
        for (let i = 0; i < this.constants.headDim; i++) sum += query[this.thread.y][at + i] * key[this.thread.x][at + i]
        return Math.exp(sum * this.constants.scale)
      }`,
      { constants, output: [seq, seq, heads] },
    )
    const sums = gpu.createKernel(
      `function (scores) {
        let sum = 0
        for (let i = 0; i < this.constants.seq; i++) sum += scores[this.thread.y][this.thread.x][i]
        return sum
      }`,
      { constants, output: [seq, heads] },
    )
    const mix = gpu.createKernel(
      `function (scores, sums, value) {
        const head = Math.floor(this.thread.x / this.constants.headDim)
        let sum = 0
        for (let i = 0; i < this.constants.seq; i++) sum += scores[head][this.thread.y][i] * value[i][this.thread.x]
        return sum / sums[head][this.thread.y]
      }`,
      { constants, output: [heads * headDim, seq] },
    )
    return async (): Promise<GpuRows> => {
      const exponentials = await scores(query, key) // [heads, seq, seq]
      return mix(exponentials, await sums(exponentials), value)
    }
  })
  return { run: () => run(), result: async () => flatten(await run()) }
}
