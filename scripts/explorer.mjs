// The explorer's page: its script, its engine's worker and its style in code/, from where '../weights/' and '../kernels/' are beside the
// page.
import { copyFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { noNode } from './bundling.mjs'
import { licencesOf } from './licences.mjs'

/** An import of `file?raw` is the file's text, as in vite, which runs the tests. */
const rawText = {
  name: 'raw-text',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\?raw$/ }, ({ path, importer }) => ({
      path: join(dirname(importer), path.replace(/\?raw$/, '')),
      namespace: 'raw',
    }))
    onLoad({ filter: /.*/, namespace: 'raw' }, async ({ path }) => ({
      contents: await readFile(path, 'utf8'),
      loader: 'text',
    }))
  },
}

/** Bundles web/ into a folder, which then lacks only weights/ and kernels/. */
export async function buildExplorer(folder) {
  const { metafile } = await build({
    entryPoints: { main: 'web/main.tsx', engine: 'web/engine/worker.ts', style: 'web/style.css' },
    bundle: true,
    format: 'esm',
    splitting: true,
    target: 'es2022',
    minify: true,
    keepNames: true, // the names of errors are shown
    legalComments: 'none',
    metafile: true,
    outdir: join(folder, 'code'),
    platform: 'browser',
    plugins: [noNode, rawText],
    tsconfig: 'tsconfig.json',
  })
  copyFileSync('web/index.html', join(folder, 'index.html'))
  writeFileSync(join(folder, 'licences.txt'), licencesOf(metafile))
}
