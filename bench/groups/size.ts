/**
 * (g) What a page downloads, minified and compressed with gzip: our JavaScript with all that it depends on, the WASM kernels, and both,
 * against transformers.js with the onnxruntime build that it loads. Weights are not counted; they are the same for both.
 */
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { emptyRow, firstLine, type Row } from '../compare.js'
import type { Group } from '../group.js'
import { exists, packageFolder, PeerMissing } from '../peers/install.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Where kernels may lie: as the build ships them, else in the source. */
const WASM_FOLDERS = ['dist', 'src/backends/wasm']
const LIMIT_KB = 60

/** Bytes after gzip. */
interface Sizes {
  readonly script: number
  readonly wasm: number
}

export const size: Group = {
  name: 'size',
  title: '(g) download size, gzip',
  async run({ options, progress }) {
    progress('bundling')
    const ours = { script: await scriptSize(join(ROOT, 'src/index.ts'), ROOT), wasm: await ownWasm() }
    const peer = await peerSizes(options.peers === 'none').catch(firstLine)
    return {
      rows: [
        row('core (JavaScript)', ours, peer, ({ script }) => script, LIMIT_KB),
        row('kernels (WASM)', ours, peer, ({ wasm }) => wasm),
        row('everything', ours, peer, ({ script, wasm }) => script + wasm),
      ],
    }
  },
}

function row(work: string, ours: Sizes, peer: Sizes | string, of: (sizes: Sizes) => number, limit?: number): Row {
  const entrant = { name: 'transformers.js', prepare: () => Promise.reject(new Error('sizes do not run')) }
  const base = emptyRow(
    { group: 'size', work, unit: 'kB', limit, ours: { ...entrant, name: 'glassformer' }, peers: [] },
    entrant,
  )
  if (of(ours) === 0) return { ...base, note: 'not yet: there are no WASM kernels' }
  const constant = (value: number) => ({ median: value, low: value, high: value })
  const values = { ours: constant(of(ours) / 1000) }
  if (typeof peer === 'string') return { ...base, values, note: peer }
  return {
    ...base,
    note: ours.wasm === 0 && work === 'everything' ? 'without WASM kernels, which do not exist yet' : undefined,
    values: { ...values, peer: constant(of(peer) / 1000) },
    ratio: constant(of(peer) / of(ours)),
  }
}

async function peerSizes(leftOut: boolean): Promise<Sizes> {
  if (leftOut) throw new PeerMissing('left out by --peers none')
  const folder = await packageFolder('@huggingface/transformers')
  const script = await scriptSize('@huggingface/transformers', join(folder, '..', '..'))
  // the build that "onnxruntime-web/webgpu", which it imports, loads on every device
  const wasm = 'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm'
  const own = join(folder, 'node_modules', wasm)
  const file = (await exists(own)) ? own : join(folder, '..', '..', wasm)
  return { script, wasm: gzipped(await readFile(file)) }
}

/** Everything that a module exports, bundled for a browser. */
async function scriptSize(module: string, resolveDir: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export * from ${JSON.stringify(module)}`, resolveDir },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external: ['node:*'],
    logLevel: 'silent',
  })
  return gzipped(outputFiles[0].contents)
}

async function ownWasm(): Promise<number> {
  for (const folder of WASM_FOLDERS.map((name) => join(ROOT, name))) {
    const isFolder = await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    )
    const files = isFolder ? (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.wasm')) : []
    if (files.length === 0) continue
    const sizes = await Promise.all(files.map(async (file) => gzipped(await readFile(join(folder, file)))))
    return sizes.reduce((sum, bytes) => sum + bytes, 0)
  }
  return 0
}

function gzipped(content: Uint8Array): number {
  return gzipSync(content, { level: 9 }).length
}
