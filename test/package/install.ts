/**
 * The package as a user gets it: packed, and installed into an empty folder with nothing of this repository around.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The user's folder, with glassformer in node_modules. */
    userFolder: string
    /** Files in the package. */
    packedFiles: string[]
  }
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Called once, before the tests; dist/ is built by then. Returns what is called after them. */
export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-user-'))
  const npm = (args: readonly string[], cwd: string) =>
    execFileSync('npm', [...args, '--ignore-scripts'], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const report = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], ROOT)) as unknown
  const [{ filename, files }] = Object.values(report as object) as [{ filename: string; files: { path: string }[] }]
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  npm(['install', '--no-audit', '--no-fund', `./${filename}`], folder)
  project.provide('userFolder', folder)
  project.provide(
    'packedFiles',
    files.map(({ path }) => path),
  )
  return () => rmSync(folder, { recursive: true })
}
