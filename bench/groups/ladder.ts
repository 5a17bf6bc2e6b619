/**
 * The ladder: what each idea in the linear kernel brings, every rung against the one below it, on one thread but for rung 7; and every
 * other kernel against its reference. Sizes are multiples of the tile's, so that the lower rungs need no care for edges.
 */
import asc from 'assemblyscript/asc'
import { fileURLToPath } from 'node:url'
import { compare, type Entrant, type Prepared, type Row } from '../compare.js'
import type { BenchContext, Group } from '../group.js'
import { Random } from '../random.js'
import { bestBackend, linear, packLinear } from '../backend.js'
import { supportedBuild, type SimdBuild } from '../../src/backends/wasm/load.js'
import { referenceBackend, type Backend, type Kernels, type PackedMatrix } from '../../src/backends/index.js'
import { linear as referenceLinear, rotaryFrequencies, rotaryTable, type Float } from '../../src/tensor/ops/index.js'
import { Tensor } from '../../src/tensor/index.js'

interface Shape {
  readonly m: number
  readonly k: number
  readonly n: number
}

type Dtype = 'float32' | 'float16' | 'int8'

interface Rung {
  readonly name: string
  readonly prepare: (data: Data) => Prepared | Promise<Prepared>
}

interface Data extends Shape {
  readonly x: Float32Array
  readonly weight: Float32Array
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export const ladder: Group = {
  name: 'ladder',
  title: 'the ladder to the linear kernel',
  async run(context) {
    const { small } = context.options
    const builds: SimdBuild[] = supportedBuild() === 'relaxed' ? ['plain', 'relaxed'] : ['plain']
    const modules = new Map<SimdBuild, WebAssembly.Module>()
    for (const build of builds) modules.set(build, await compile(build))
    const plain = modules.get('plain')!
    const best = modules.get('relaxed') ?? plain

    const many = small ? { m: 12, k: 32, n: 48 } : { m: 384, k: 384, n: 1536 }
    const large = { ...many, m: small ? 24 : 8192 }
    const one = { ...many, m: 1 }
    const rows = [
      ...(await climb(context, many, [
        { name: '0 plain TypeScript', prepare: reference },
        { name: '1 scalar', prepare: (data) => rung(plain, 'scalar', data, 'rows') },
        { name: '2 SIMD along k', prepare: (data) => rung(plain, 'simdDot', data, 'rows') },
        { name: '3 panels of 8', prepare: (data) => rung(plain, 'panelRow', data, 'float32') },
        { name: '4 tiles of 6 x 8', prepare: (data) => rung(plain, 'tile6', data, 'float32') },
        ...(best === plain
          ? []
          : [{ name: '5 fused multiply-add', prepare: (data: Data) => rung(best, 'tile6', data, 'float32') }]),
        { name: '7 two threads', prepare: threaded },
      ])),
      ...(await climb(context, large, [
        { name: '5 fused multiply-add', prepare: (data) => rung(best, 'tile6', data, 'float32') },
        { name: '6 blocks of rows', prepare: (data) => rung(best, 'linear', data, 'float32') },
      ])),
      ...(await climb(context, many, [
        { name: 'float32', prepare: (data) => rung(best, 'linear', data, 'float32') },
        { name: 'int8', prepare: (data) => rung(best, 'linearInt8', data, 'int8') },
      ])),
      ...(await climb(context, one, [
        { name: '2 SIMD along k', prepare: (data) => rung(best, 'simdDot', data, 'rows') },
        { name: '3 one panel', prepare: (data) => rung(best, 'panelRow', data, 'float32') },
        { name: '8 four panels', prepare: (data) => rung(best, 'linear', data, 'float32') },
        { name: '9 float16 weights', prepare: (data) => rung(best, 'linear', data, 'float16') },
        { name: '10 int8 weights', prepare: (data) => rung(best, 'linearInt8', data, 'int8') },
      ])),
      ...(await againstReference(context)),
    ]
    return { rows }
  },
}

/** A row for each rung but the lowest, against the one below. */
async function climb({ options, progress }: BenchContext, shape: Shape, rungs: readonly Rung[]): Promise<Row[]> {
  const { m, k, n } = shape
  const random = new Random(m * k + n)
  const data = { ...shape, x: random.normals(m * k), weight: random.normals(n * k, k ** -0.5) }
  const entrant = ({ name, prepare }: Rung): Entrant => ({ name, agreement: 0.999, prepare: () => prepare(data) })
  const rows: Row[] = []
  for (let i = 1; i < rungs.length; i++) {
    const work = `${m}x${k}x${n}`
    progress(`${work} ${rungs[i].name}`)
    const comparison = {
      group: 'ladder',
      work,
      unit: 'GFLOP/s',
      value: (seconds: number) => (2 * m * k * n) / seconds / 1e9,
      ours: entrant(rungs[i]),
      peers: [entrant(rungs[i - 1])],
    }
    rows.push(...(await compare(comparison, options.race)))
  }
  return rows
}

/** The other kernels, on what MiniLM gives them for 8 texts of 64 tokens (attention: 12 heads). */
async function againstReference({ options, progress }: BenchContext): Promise<Row[]> {
  const [batch, seq, width, wide] = options.small ? [1, 8, 24, 48] : [8, 64, 384, 1536]
  const random = new Random(17)
  const tensor = (...shape: number[]) => Tensor.float32(random.normals(shape.reduce((a, b) => a * b)), shape)
  const heads = () => tensor(batch, seq, 12, width / 12).transpose(0, 2, 1, 3) // [batch, heads, seq, headDim]
  const [states, more, inner] = [tensor(batch, seq, width), tensor(batch, seq, width), tensor(batch, seq, wide)]
  const [gain, shift] = [tensor(width), tensor(width)]
  const [query, key, value] = [heads(), heads(), heads()]
  const scores = tensor(batch, 12, seq, seq)
  const table = tensor(wide, width).to('float16')
  const ids = Tensor.int32(
    Array.from({ length: batch * seq }, (_, i) => (i * 7) % wide),
    [batch, seq],
  )
  const angles = rotaryTable(
    Tensor.int32(
      Array.from({ length: seq }, (_, i) => i),
      [1, seq],
    ),
    rotaryFrequencies(width / 12, 1e4),
  )
  const scale = (width / 12) ** -0.5
  const works: [string, (kernels: Kernels, table: PackedMatrix) => Float | Promise<Float>][] = [
    ['attention, fused', (kernels) => kernels.attention({ query, key, value, scale })],
    [
      'attention, open',
      async (kernels) => {
        const open = kernels.scale(await kernels.matmul(query, key.transpose(0, 1, 3, 2)), scale)
        return kernels.matmul(kernels.softmax(open), value)
      },
    ],
    ['softmax', (kernels) => kernels.softmax(scores)],
    ['logSoftmax', (kernels) => kernels.logSoftmax(scores)],
    ['layerNorm', (kernels) => kernels.layerNorm(states, gain, shift, 1e-6)],
    ['rmsNorm', (kernels) => kernels.rmsNorm(states, gain, 1e-6)],
    ['gelu', (kernels) => kernels.activate(inner, 'gelu')],
    ['gelu_tanh', (kernels) => kernels.activate(inner, 'gelu_tanh')],
    ['silu', (kernels) => kernels.activate(inner, 'silu')],
    ['relu', (kernels) => kernels.activate(inner, 'relu')],
    ['residual add', (kernels) => kernels.add(states, more)],
    ['gated product', (kernels) => kernels.multiply(inner, inner)],
    ['gather, float16', (kernels, packed) => kernels.gather(packed, ids)],
    ['rotary', (kernels) => kernels.rotate(query, angles)],
    ['top 10', (kernels) => Tensor.float32(kernels.topK(scores.reshape([scores.size]), 10).values)],
  ]
  const rows: Row[] = []
  for (const [work, run] of works) {
    progress(work)
    const entrant = (name: string, start: () => Promise<Backend>): Entrant => ({
      name,
      prepare: async () => {
        const backend = await start()
        const packed = backend.pack(table, { use: 'gather' })
        const once = () => backend.run(async ({ kernels, keep }) => keep(await run(kernels, packed)))
        // the result is kept only to be compared
        const measured = () => backend.run(async ({ kernels }) => void (await run(kernels, packed)))
        return { run: measured, result: async () => (await once()).toArray(), close: () => backend.dispose() }
      },
    })
    const ours = entrant('wasm', () => bestBackend(1))
    const peers = [entrant('0 reference', async () => referenceBackend())]
    const value = (seconds: number) => seconds * 1e6
    rows.push(...(await compare({ group: 'ladder', work, unit: 'µs', value, ours, peers }, options.race)))
  }
  return rows
}

function reference({ m, k, n, x, weight }: Data): Prepared {
  const [left, right] = [Tensor.float32(x, [m, k]), Tensor.float32(weight, [n, k])]
  const run = async () => referenceLinear(left, right)
  return { run, result: async () => (await run()).toArray() }
}

async function threaded({ m, k, n, x, weight }: Data): Promise<Prepared> {
  const backend = await bestBackend(2)
  const packed = packLinear(backend, Tensor.float32(weight, [n, k]), Tensor.float32(new Float32Array(n)), 'f32')
  const run = () => linear(backend, Tensor.float32(x, [m, k]), packed)
  return { run, result: async () => (await run()).toArray(), close: () => backend.dispose() }
}

interface RungExports extends WebAssembly.Exports {
  packPanels(panels: number, weight: number, rows: number, columns: number, size: number): void
  packInt8(panels: number, sums: number, values: number, rows: number, columns: number): void
  quantizeInput(
    out: number,
    scales: number,
    zeros: number,
    x: number,
    rows: number,
    width: number,
    stride: number,
  ): void
}

type RungKernel = (job: number, first: number, end: number, scratch: number) => void

/** A kernel on a memory of its own, with the weight row-major or packed. */
function rung(module: WebAssembly.Module, kernel: string, data: Data, layout: 'rows' | Dtype): Prepared {
  const { m, k, n, x, weight } = data
  const memory = new WebAssembly.Memory({ initial: 1 + Math.ceil((16 * n * k + 16 * m * (k + n) + 2 ** 16) / 65536) })
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as RungExports
  let top = 65536
  const place = (bytes: number) => {
    const address = top
    top += Math.ceil(bytes / 64) * 64
    return address
  }
  const put = <T extends Float32Array | Int8Array | Uint16Array>(array: T) => {
    const address = place(array.byteLength)
    new Uint8Array(memory.buffer).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), address)
    return address
  }
  const input = put(x)
  const out = place(m * n * 4)
  const job = place(64)
  const scratch = place(k * 64)
  const describe = (fields: readonly number[]) => new Int32Array(memory.buffer).set(fields, job / 4)
  const run = exports[kernel] as RungKernel
  const result = async () => new Float32Array(memory.buffer, out, m * n).slice()

  if (layout === 'int8') {
    const [quantized, scales, zeros] = [place(m * k), place(m * 4), place(m * 4)]
    const [panels, rowScales, sums] = [place(n * k), place(n * 4), place(n * 4)]
    const values = new Int8Array(n * k)
    for (let row = 0; row < n; row++) {
      const elements = weight.subarray(row * k, (row + 1) * k)
      const largest = elements.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
      elements.forEach((value, i) => (values[row * k + i] = Math.round((value / largest) * 127)))
      new Float32Array(memory.buffer)[rowScales / 4 + row] = largest / 127
    }
    exports.packInt8(panels, sums, put(values), n, k)
    describe([quantized, scales, zeros, panels, rowScales, sums, 0, out, m, k / 4, n, 0])
    const go = async () => {
      exports.quantizeInput(quantized, scales, zeros, input, m, k, k)
      run(job, 0, n / 8, scratch)
    }
    return { run: go, result: () => go().then(result) }
  }
  const narrow = layout === 'float16'
  const source = put(narrow ? Tensor.float32(weight).to('float16').data : weight)
  const panels = layout === 'rows' ? source : place(n * k * 4)
  if (layout !== 'rows') exports.packPanels(panels, source, n, k, narrow ? 2 : 4)
  describe([input, panels, 0, out, m, k, n, narrow ? 1 : 0, 0])
  const go = async () => run(job, 0, n / 8, scratch)
  return { run: go, result: () => go().then(result) }
}

async function compile(build: SimdBuild): Promise<WebAssembly.Module> {
  let binary: Uint8Array | undefined
  const options = [
    '-O3',
    '--noAssert',
    '--runtime',
    'stub',
    '--importMemory',
    '--disableWarning',
    '112',
    '--outFile',
    'out.wasm',
  ]
  const features = ['--enable', 'simd', ...(build === 'relaxed' ? ['--enable', 'relaxed-simd'] : [])]
  const { error, stderr } = await asc.main(['bench/ladder/rungs.as.ts', '--baseDir', ROOT, ...options, ...features], {
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') binary = contents
    },
  })
  if (error || !binary) throw new Error(stderr.toString())
  return WebAssembly.compile(binary as Uint8Array<ArrayBuffer>)
}
