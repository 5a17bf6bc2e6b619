/**
 * (g) What a page downloads, minified and compressed with gzip: our JavaScript with all that it depends on, as much of it as the
 * default pipeline needs (core) and all of it, the WASM kernels, and everything together, against transformers.js with the onnxruntime build
 * that it loads. Ours is what the build made, so run `npm run build` first. Weights are not counted; they are the same for both.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { emptyRow, firstLine, type Row } from '../compare.js'
import type { Group } from '../group.js'
import { exists, packageFolder, PeerMissing } from '../peers/install.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const LIMIT_KB = 60

/** Bytes after gzip. */
interface Sizes {
  /** What an import of the pipeline brings along. */
  readonly core: number
  /** All exports. */
  readonly script: number
  readonly wasm: number
}

export const size: Group = {
  name: 'size',
  title: '(g) download size, gzip',
  async run({ options, progress }) {
    progress('bundling')
    const source = join(ROOT, 'dist/browser.js')
    const ours = {
      core: await scriptSize(source, ROOT, '{ Rag }'),
      script: await scriptSize(source, ROOT),
      wasm: await ownWasm(),
    }
    const peer = await peerSizes(options.peers === 'none').catch(firstLine)
    return {
      rows: [
        row('core (JavaScript for Rag)', ours, peer, ({ core }) => core, LIMIT_KB),
        row('all JavaScript', ours, peer, ({ script }) => script),
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
  const constant = (value: number) => ({ median: value, low: value, high: value })
  const values = { ours: constant(of(ours) / 1000) }
  if (typeof peer === 'string') return { ...base, values, note: peer }
  return {
    ...base,
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
  return { core: script, script, wasm: gzipped(await readFile(file)) }
}

/** What a module exports, all or some of it, bundled for a browser. */
async function scriptSize(module: string, resolveDir: string, names = '*'): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export ${names} from ${JSON.stringify(module)}`, resolveDir },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external: ['node:*', './jinja.js', './provenance.js', './index-scan.js', './gpu.js'],
    logLevel: 'silent',
  })
  return gzipped(outputFiles[0].contents)
}

/** A page loads one of the builds, and its worker. */
async function ownWasm(): Promise<number> {
  const files = await Promise.all(
    ['relaxed-shared.wasm', 'worker.js'].map((file) => readFile(join(ROOT, 'kernels', file))),
  )
  return files.reduce((sum, file) => sum + gzipped(file), 0)
}

function gzipped(content: Uint8Array): number {
  return gzipSync(content, { level: 9 }).length
}
