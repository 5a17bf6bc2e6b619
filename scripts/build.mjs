// Builds dist/: one bundle for Node, one for browsers, the command line, the ndarray adapter, and the types.
// Every bundle lies directly in dist/, so that '../weights/' resolves from it as it does from src/.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { build } from 'esbuild'

rmSync('dist', { recursive: true, force: true })

const shared = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: true,
  sourcesContent: false,
  outdir: 'dist',
  legalComments: 'none',
}

await Promise.all([
  build({
    ...shared,
    entryPoints: { index: 'src/index.ts', cli: 'src/cli/main.ts', ndarray: 'src/tensor/ndarray.ts' },
    platform: 'node',
    packages: 'external',
    splitting: true,
  }),
  build({ ...shared, entryPoints: { browser: 'src/index.ts' }, platform: 'browser', external: ['node:*'] }),
])

execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], { stdio: 'inherit' })
