/**
 * (a) The linear kernel: x [M, K] times weight [N, K] transposed, plus a bias. M = 1 is a decode step, where reading the weight is the
 * limit; the others are bound by arithmetic.
 */
import { bestBackend, linear as ownLinear, packLinear, type WeightPrecision } from '../backend.js'
import { compare, type Entrant, type Row } from '../compare.js'
import type { BenchContext, Group } from '../group.js'
import { GraphBuilder } from '../onnx/graph.js'
import { addLinear, transposed, type LinearWeight, type Precision } from '../onnx/linear.js'
import { bestMode, flatten } from '../peers/gpu-js.js'
import type { RuntimeName } from '../peers/onnx-runtime.js'
import { Random } from '../random.js'
import { Tensor } from '../../src/tensor/index.js'
import type { Backend } from '../../src/backends/index.js'

/** Rows of x, input features, output features. */
interface Shape {
  readonly m: number
  readonly k: number
  readonly n: number
  /** The targets are set for one shape. */
  readonly targets?: boolean
}

const SHAPES: readonly Shape[] = [
  { m: 384, k: 384, n: 1536, targets: true },
  { m: 384, k: 1536, n: 384 },
  { m: 32, k: 384, n: 384 },
  { m: 1, k: 256, n: 4096 },
  { m: 1, k: 576, n: 1536 },
]
const SMALL: readonly Shape[] = [
  { m: 12, k: 32, n: 48, targets: true },
  { m: 1, k: 32, n: 64 },
]

/** 8-bit results are compared with ours in float32. */
const COARSE = 0.999

export const linear: Group = {
  name: 'linear',
  title: '(a) linear kernel',
  async run(context) {
    const { options } = context
    const backend = await bestBackend(options.threads)
    const rows: Row[] = []
    for (const shape of options.small ? SMALL : SHAPES) {
      for (const precision of ['f32', 'int8'] as const)
        rows.push(...(await measure(context, backend, shape, precision)))
    }
    backend.dispose()
    return { rows }
  },
}

function measure(
  { options, peers, progress }: BenchContext,
  backend: Backend,
  shape: Shape,
  precision: WeightPrecision,
): Promise<Row[]> {
  const { m, k, n, targets } = shape
  const work = `linear ${precision} ${m}x${k}x${n}`
  progress(work)
  const random = new Random(m * k + n)
  const x = random.normals(m * k)
  const weight: LinearWeight = { data: random.normals(n * k, k ** -0.5), rows: n, columns: k, bias: random.normals(n) }

  const ours: Entrant = {
    name: `${backend.name} ${precision}`,
    prepare: () => {
      const packed = packLinear(
        backend,
        Tensor.float32(weight.data, [n, k]),
        Tensor.float32(weight.bias!, [n]),
        precision,
      )
      const input = Tensor.float32(x, [m, k])
      const run = () => ownLinear(backend, input, packed)
      return { run: () => run(), result: async () => (await run()).toArray() }
    },
  }
  const onnx = (name: RuntimeName, theirs: Precision, target?: number): Entrant => ({
    name: `${name} ${theirs}`,
    target: targets && !options.small ? target : undefined,
    agreement: theirs === 'q8' || precision === 'int8' ? COARSE : undefined,
    prepare: async () => {
      const runtime = await peers.runtime(name)
      const graph = new GraphBuilder()
      const input = graph.input('x', 'float32', [m, k])
      graph.output('y', 'float32', [m, n], addLinear(graph, input, weight, theirs))
      const session = await runtime.session(graph.toBytes())
      const feeds = { x: runtime.floats(x, [m, k]) }
      return {
        run: () => session.run(feeds),
        result: async () => (await session.run(feeds)).y.data as Float32Array,
        close: () => session.release(),
      }
    },
  })
  const gpu: Entrant = { name: 'gpu.js', prepare: () => gpuLinear(peers, x, weight, m) }

  return compare(
    {
      group: 'linear',
      work,
      unit: 'GFLOP/s',
      value: (seconds) => (2 * m * k * n) / seconds / 1e9,
      ours,
      peers:
        precision === 'f32'
          ? [onnx('onnxruntime-web', 'f32', 1.4), onnx('onnxruntime-node', 'f32'), gpu]
          : [onnx('onnxruntime-web', 'q8', 2), onnx('onnxruntime-node', 'q8'), onnx('onnxruntime-node', 'f32', 1)],
    },
    options.race,
  )
}

async function gpuLinear(peers: BenchContext['peers'], x: Float32Array, weight: LinearWeight, m: number) {
  const gpuJs = await peers.gpuJs()
  const { rows: n, columns: k } = weight
  const source = `function (x, weight, bias) {
    let sum = bias[this.thread.x]
    for (let i = 0; i < this.constants.k; i++) sum += x[this.thread.y][i] * weight[i][this.thread.x]
    return sum
  }`
  const inputs = [gpuJs.input(x, [k, m]), gpuJs.input(transposed(weight), [n, k]), weight.bias!]
  const { run } = await bestMode(gpuJs, (gpu) => {
    const kernel = gpu.createKernel(source, { constants: { k }, output: [n, m] })
    return async () => kernel(...inputs)
  })
  return { run: () => run(), result: async () => flatten(await run()) }
}
