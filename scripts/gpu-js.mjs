// Installs gpu.js for the tests, into the cache: with the native packages that it brings along it is too much for a dependency.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const VERSION = '2.24.1'
const FOLDER = fileURLToPath(new URL('../node_modules/.cache/glassformer/gpu-js', import.meta.url))

/** Without install scripts, which would build the native package `gl`. Why it could not be done is only printed: what needs gpu.js is skipped. */
export function installGpuJs() {
  if (existsSync(`${FOLDER}/node_modules/gpu.js`)) return
  mkdirSync(FOLDER, { recursive: true })
  const options = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund']
  const { status, stderr } = spawnSync('npm', ['install', '--prefix', FOLDER, ...options, `gpu.js@${VERSION}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  if (status !== 0) console.log(`gpu.js cannot be installed: ${stderr.trim().split('\n')[0]}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) installGpuJs()
