// Builds dist/: one bundle for Node, one for browsers with what it seldom needs, the reading of documents for both, the command line, the
// ndarray adapter, and the types.
// Every bundle lies directly in dist/, so that '../weights/' resolves from it as it does from src/. The source maps carry the
// sources, which are not in the package.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** A page has no disk and other workers. Without this, what is for Node alone would come along, with imports that no browser knows. */
const noNode = {
  name: 'no-node',
  setup({ onResolve, onLoad }) {
    const noDisk = fileURLToPath(new URL('../src/files/no-disk.ts', import.meta.url))
    onResolve({ filter: /\/node-file\.js$/ }, () => ({ path: noDisk }))
    onResolve({ filter: /\/node-(threads|cache)\.js$/ }, ({ path }) => ({ path, namespace: 'nothing' }))
    // in a page a string is a URL and never the name of a model on a hub; hub() itself is imported by those who call it
    onResolve({ filter: /\/hub\.js$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, namespace: 'nothing' } : undefined,
    )
    const noFiles = fileURLToPath(new URL('../src/documents/no-files.ts', import.meta.url))
    onResolve({ filter: /\/node-files\.js$/ }, () => ({ path: noFiles }))
    onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: '' }))
  },
}

/** What few pages need stays a file of its own beside browser.js, which import() fetches when it is first wanted. */
const apart = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /^@huggingface\/jinja$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './jinja.js', external: true } : undefined,
    )
  },
}

/** The documents of a page stand on browser.js, so that an error is of the same class in both. */
const onBrowser = {
  name: 'on-browser',
  setup({ onResolve }) {
    onResolve({ filter: /\/(errors|rag\/index)\.js$/ }, () => ({ path: './browser.js', external: true }))
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
    },
    platform: 'node',
    packages: 'external',
    splitting: true,
  }),
  build({
    ...shared,
    entryPoints: { browser: 'src/index.ts', jinja: '@huggingface/jinja' },
    platform: 'browser',
    plugins: [noNode, apart],
  }),
  build({
    ...shared,
    entryPoints: { 'browser-documents': 'src/documents/index.ts' },
    platform: 'browser',
    packages: 'external',
    plugins: [noNode, onBrowser],
  }),
])

execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], { stdio: 'inherit' })
