// Builds dist/: one bundle for Node, one for browsers with what it seldom needs, the reading of documents and the thread that parses them for both, the
// command line with the thread that answers for "glassformer serve", the ndarray adapter, the types, and in dist/explorer/ the page of "glassformer explore".
// Every bundle lies directly in dist/, so that '../weights/' resolves from it as it does from src/. The source maps carry the
// sources, which are not in the package.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import { build } from 'esbuild'
import { noNode } from './bundling.mjs'
import { buildExplorer } from './explorer.mjs'

/** What few pages need stays a file of its own beside browser.js, which import() fetches when it is first wanted. */
const apart = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /^(@huggingface\/jinja|minisearch)$|\/(provenance|index-scan)\.js$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: `./${basename(path, '.js')}.js`, external: true } : undefined,
    )
    onResolve({ filter: /\/gpu\/gpu\.js$/ }, () => ({ path: './gpu.js', external: true }))
  },
}

/** The documents of a page stand on browser.js, so that an error is of the same class in both. */
const onBrowser = {
  name: 'on-browser',
  setup({ onResolve }) {
    onResolve({ filter: /\/(errors|rag\/index)\.js$/ }, () => ({ path: './browser.js', external: true }))
  },
}

/** Such a file has the classes of tensors and errors from browser.js, so that there are no two of them in a page. */
const classesOfBrowser = {
  name: 'classes-of-browser',
  setup({ onResolve }) {
    onResolve({ filter: /\/(errors|tensor)\.js$/ }, () => ({ path: './browser.js', external: true }))
  },
}

rmSync('dist', { recursive: true, force: true })

const shared = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: true,
  outdir: 'dist',
  legalComments: 'none',
}

await Promise.all([
  build({
    ...shared,
    entryPoints: {
      index: 'src/index.ts',
      cli: 'src/cli/main.ts',
      ndarray: 'src/tensor/ndarray.ts',
      documents: 'src/documents/index.ts',
      'node-parser-worker': 'src/documents/node-parser-worker.ts',
      'answer-worker': 'src/cli/server/answer-worker.ts',
      postgres: 'src/rag/stores/postgres/index.ts',
    },
    platform: 'node',
    packages: 'external',
    splitting: true,
  }),
  build({
    ...shared,
    entryPoints: {
      browser: 'src/index.ts',
      jinja: '@huggingface/jinja',
      minisearch: 'minisearch',
      provenance: 'src/rag/reading/provenance.ts',
    },
    platform: 'browser',
    plugins: [noNode, apart],
  }),
  buildExplorer('dist/explorer'),
  build({
    ...shared,
    entryPoints: { 'browser-documents': 'src/documents/index.ts' },
    platform: 'browser',
    packages: 'external',
    plugins: [noNode, onBrowser],
  }),
  build({
    ...shared,
    entryPoints: { 'page-parser-worker': 'src/documents/page-parser-worker.ts' },
    platform: 'browser',
    packages: 'external',
  }),
  build({
    ...shared,
    entryPoints: { gpu: 'src/backends/gpu/gpu.ts', 'index-scan': 'src/rag/finding/index-scan.ts' },
    platform: 'browser',
    plugins: [classesOfBrowser],
    external: ['gpu.js'],
  }),
])

execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], { stdio: 'inherit' })
