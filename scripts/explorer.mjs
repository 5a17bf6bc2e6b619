// The explorer's page: its script, its engine's worker and its style in code/, from where '../weights/' and '../kernels/' are beside the
// page.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { noNode } from './bundling.mjs'

/** Bundles web/ into a folder, which then lacks only weights/ and kernels/. */
export async function buildExplorer(folder) {
  await build({
    entryPoints: { main: 'web/main.tsx', engine: 'web/engine/worker.ts', style: 'web/style.css' },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    keepNames: true, // the names of errors are shown
    legalComments: 'none',
    outdir: join(folder, 'code'),
    platform: 'browser',
    plugins: [noNode],
    tsconfig: 'tsconfig.json',
  })
  copyFileSync('web/index.html', join(folder, 'index.html'))
}
