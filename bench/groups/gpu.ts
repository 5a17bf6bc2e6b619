/**
 * From what size a GPU pays: a square product on our WASM kernels, on the plain TypeScript, and through gpu.js in each mode that this
 * machine has. Each row and line says what computes; a software renderer is none of a GPU's speed.
 */
import { bestBackend } from '../backend.js'
import { emptyRow, firstLine, type Row } from '../compare.js'
import { measureSquare, type Measured, type SquareOptions } from '../gpu/square.js'
import type { bench as pageBench } from '../gpu/page.js'
import { openGpuPage, type GpuPage } from '../gpu/browser.js'
import type { BenchContext, Group, LineChart } from '../group.js'
import { cosine, spread, type Spread } from '../measure.js'
import { requirePeer } from '../peers/install.js'
import { gpuBackend, referenceBackend, type Backend, type GpuJsModule, type GpuMode } from '../../src/backends/index.js'

const SIZES = [64, 128, 256, 512, 1024, 2048]
const SMALL = [8, 12]
const NODE_MODES: readonly GpuMode[] = ['webasm', 'cpu']
const PAGE_MODES: readonly GpuMode[] = ['webgl2', 'webgpu']

declare global {
  /** What gpu/page.ts puts there; for the functions that run in the page. */
  var bench: typeof pageBench
}

/** Something that multiplies, or why it does not run. */
interface Lane {
  readonly name: string
  readonly measure?: (n: number, options: SquareOptions) => Promise<Measured>
  readonly note?: string
}

export const gpu: Group = {
  name: 'gpu',
  title: 'square products on a GPU, through gpu.js',
  async run(context) {
    const { options, progress } = context
    const ours = await bestBackend(options.threads)
    const opened: { dispose(): void }[] = [ours]
    const page = await openPage(context)
    try {
      const reference = lane('reference', referenceBackend())
      const lanes = [reference, ...(await nodeLanes(context, opened)), ...(await pageLanes(page))]
      const rows: Row[] = []
      const points = new Map<string, [number, number][]>([
        [ours.name, []],
        ...lanes.map(({ name }) => [name, []] as const),
      ] as [string, [number, number][]][])
      for (const n of options.small ? SMALL : SIZES) {
        const wanted = await measureSquare(ours, n, { rounds: options.race.rounds, longSeconds: 3 })
        points.get(ours.name)!.push([n, gigaflops(n, wanted)])
        for (const { name, measure, note } of lanes) {
          progress(`${n}x${n}x${n} on ${name}`)
          const measured = await measure?.(n, { rounds: options.race.rounds, longSeconds: 3 }).catch(firstLine)
          const row = rowOf(n, ours, name, wanted, measured, note)
          rows.push(row)
          if (row.values.peer) points.get(name)!.push([n, row.values.peer.median])
        }
      }
      return { rows, charts: [chart(points)] }
    } finally {
      for (const one of opened) one.dispose()
      if (typeof page !== 'string') await page.close()
    }
  },
}

function lane(name: string, backend: Backend): Lane {
  return { name, measure: (n, options) => measureSquare(backend, n, options) }
}

async function nodeLanes({ options }: BenchContext, opened: { dispose(): void }[]): Promise<Lane[]> {
  const lanes: Lane[] = []
  for (const mode of NODE_MODES) {
    const name = `gpu.js ${mode}`
    try {
      if (options.peers === 'none') throw new Error('left out by --peers none')
      const backend = await gpuBackend({ mode, gpuJs: await requirePeer<GpuJsModule>('gpu.js') })
      opened.push(backend)
      lanes.push(lane(name, backend))
    } catch (error) {
      lanes.push({ name, note: firstLine(error) })
    }
  }
  return lanes
}

/** The page, or why there is none. */
async function openPage({ options }: BenchContext): Promise<GpuPage | string> {
  if (options.peers === 'none') return 'left out by --peers none'
  return openGpuPage().catch(firstLine)
}

async function pageLanes(opened: GpuPage | string): Promise<Lane[]> {
  if (typeof opened === 'string') return PAGE_MODES.map((mode) => ({ name: `gpu.js ${mode}`, note: opened }))
  const { page } = opened
  const lanes: Lane[] = []
  for (const mode of PAGE_MODES) {
    try {
      const device = await page.evaluate((mode) => bench.describe(mode), mode)
      const isSoftware = /swiftshader|llvmpipe|software/i.test(device)
      lanes.push({
        name: isSoftware ? `gpu.js ${mode} (SwiftShader)` : `gpu.js ${mode}`,
        note: isSoftware ? `software renderer, no GPU: ${device}` : device,
        measure: (n, options) =>
          page.evaluate(([mode, n, options]) => bench.measure(mode, n, options), [mode, n, options] as const),
      })
    } catch (error) {
      lanes.push({ name: `gpu.js ${mode}`, note: firstLine(error) })
    }
  }
  return lanes
}

function rowOf(
  n: number,
  ours: Backend,
  name: string,
  wanted: Measured,
  measured: Measured | string | undefined,
  note: string | undefined,
): Row {
  const entrant = { name, prepare: () => Promise.reject(new Error('it has run')) }
  const base = emptyRow(
    {
      group: 'gpu',
      work: `product f32 ${n}x${n}x${n}`,
      unit: 'GFLOP/s',
      ours: { ...entrant, name: `${ours.name} f32` },
      peers: [],
    },
    entrant,
    typeof measured === 'string' ? measured : note,
  )
  if (measured === undefined || typeof measured === 'string') return base
  const similarity = cosine(measured.row, wanted.row)
  if (!(similarity >= 0.9999)) return { ...base, note: `not the same result: cosine ${similarity.toFixed(5)}` }
  const [own, their] = [wanted, measured].map(({ seconds }) => spread(seconds.map((one) => (2 * n ** 3) / one / 1e9)))
  return { ...base, values: { ours: own, peer: their }, ratio: quotient(own, their) }
}

/** They do not race, since one run of the slowest takes half a minute: the ratio of medians, and of the ends of the quartiles. */
function quotient(own: Spread, their: Spread): Spread {
  return { median: own.median / their.median, low: own.low / their.high, high: own.high / their.low }
}

function gigaflops(n: number, { seconds }: Measured): number {
  return spread(seconds.map((one) => (2 * n ** 3) / one / 1e9)).median
}

function chart(points: ReadonlyMap<string, readonly (readonly [number, number])[]>): LineChart {
  return {
    name: 'gpu',
    title: 'Square product, array to array; SwiftShader is a software renderer',
    x: 'N of N x N x N',
    y: 'GFLOP/s',
    series: [...points].filter(([, own]) => own.length > 0).map(([name, own]) => ({ name, points: own })),
  }
}
