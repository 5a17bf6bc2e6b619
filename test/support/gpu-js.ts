/**
 * gpu.js for the tests, with which no native package is installed (see `overrides` in package.json).
 */
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'

/** The installed package. */
export const GPU_JS_FOLDER = dirname(createRequire(import.meta.url).resolve('gpu.js/package.json'))

/** The file that a bundler takes for a page. */
export const GPU_JS_BROWSER_FILE = join(GPU_JS_FOLDER, 'dist/gpu-browser.js')
