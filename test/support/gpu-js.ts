/**
 * gpu.js for the tests. It brings 100 MB of native packages along, so it is none of the project's dependencies: scripts/gpu-js.mjs,
 * which `npm test` calls, installs it where the tests find it.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GpuJsModule } from '../../src/backends/index.js'

export const GPU_JS_FOLDER = fileURLToPath(
  new URL('../../node_modules/.cache/glassformer/gpu-js/node_modules/gpu.js', import.meta.url),
)

/** Why tests that need it are skipped; undefined where it is installed. */
export const GPU_JS_MISSING = existsSync(GPU_JS_FOLDER)
  ? undefined
  : 'gpu.js is not installed; "node scripts/gpu-js.mjs" does it'

/** gpu.js for Node. */
export function requireGpuJs(): GpuJsModule {
  return createRequire(join(GPU_JS_FOLDER, 'package.json'))('gpu.js') as GpuJsModule
}

/** The file that a bundler takes for a page. */
export const GPU_JS_BROWSER_FILE = join(GPU_JS_FOLDER, 'dist/gpu-browser.js')
