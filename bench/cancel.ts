/**
 * `npx tsx bench/cancel.ts`: how long it takes from the signal to the end of an operation, each with the largest input that is accepted. The signal
 * fires at five moments of each operation.
 */
import { wasmBackend } from '../src/backends/index.js'
import { Rag, Retriever, type Passage } from '../src/rag/index.js'
import { IndexScan } from '../src/rag/finding/index-scan.js'
import { FlatIndex } from '../src/rag/finding/flat-index.js'
import { Tensor } from '../src/tensor/tensor.js'

/** When the signal fires, in milliseconds after the beginning. */
const MOMENTS = [5, 50, 150, 400, 1000]

interface Operation {
  readonly name: string
  readonly run: (signal: AbortSignal) => Promise<unknown>
}

/** Milliseconds from the signal to the end; undefined where the operation was over before. */
async function latency({ run }: Operation, after: number): Promise<number | undefined> {
  const controller = new AbortController()

  const begun = performance.now()
  const timer = setTimeout(() => controller.abort(), after)
  const ended = await run(controller.signal).then(
    () => 'done',
    (error: Error) => (error.name === 'AbortError' ? 'cancelled' : Promise.reject(error)),
  )
  clearTimeout(timer)
  const fired = begun + after // the timer itself may have come late, which counts
  return ended === 'done' ? undefined : performance.now() - fired
}

const rag = await Rag.fromPretrained()
const backend = await wasmBackend()
const longest = 'ab '.repeat(170)
const passages: Passage[] = Array.from({ length: 20 }, (_, i) => ({
  id: String(i),
  title: '',
  text: 'The river Thames flows through London and the north sea takes it. '.repeat(500),
}))
const weight = backend.pack(Tensor.zeros('float32', [4096, 4096]), { use: 'linear' })
const long = Tensor.zeros('float32', [4096, 4096])
const heads = Tensor.zeros('float32', [1, 8, 8192, 64])
const rows = 1_000_000
const index = new FlatIndex(
  384,
  new Int8Array(rows * 384).fill(3),
  Float32Array.from({ length: rows }, (_, row) => 0.001 * (1 + ((row * 7919) % 1009))),
)
const scan = await IndexScan.create(index, backend)
const query = new Float32Array(384).fill(0.05)

const operations: readonly Operation[] = [
  { name: 'ask, 20 passages of 33,000 characters', run: (signal) => rag.ask(longest, { passages, topK: 20, signal }) },
  {
    name: 'ask in the mode rag-token',
    run: (signal) => rag.ask(longest, { passages, topK: 20, mode: 'rag-token', signal }),
  },
  { name: 'loading the models of the package', run: (signal) => Rag.fromPretrained(undefined, { signal }) },
  { name: 'embedding 20 such passages', run: (signal) => Retriever.build(rag.encoder, passages, { signal }) },
  {
    name: 'one linear layer, 4096 x 4096 x 4096',
    run: (signal) => backend.run(({ kernels }) => kernels.linear(long, weight).then(() => undefined), { signal }),
  },
  {
    name: 'one product, 4096 x 4096 x 4096',
    run: (signal) => backend.run(({ kernels }) => kernels.matmul(long, long).then(() => undefined), { signal }),
  },
  {
    name: 'one attention, 8 heads of 8192 tokens',
    run: (signal) =>
      backend.run(
        ({ kernels }) => kernels.attention({ query: heads, key: heads, value: heads, scale: 1 }).then(() => undefined),
        { signal },
      ),
  },
  {
    name: 'opening an index of 1,000,000 rows of int8',
    run: (signal) => IndexScan.create(index, backend, { signal }).then((opened) => opened.dispose()),
  },
  {
    name: 'a scan of it for 16 questions',
    run: (signal) => scan.searchAll(new Array<Float32Array>(16).fill(query), 5, { signal }),
  },
]

for (const operation of operations) {
  const measured: string[] = []
  for (const after of MOMENTS) {
    const milliseconds = await latency(operation, after)
    measured.push(milliseconds === undefined ? '-' : milliseconds.toFixed(0))
  }
  process.stdout.write(
    `${operation.name.padEnd(45)} ${measured.map((one) => one.padStart(5)).join('')} ms after the signal\n`,
  )
}
rag.dispose()
backend.dispose()
