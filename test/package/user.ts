/**
 * What a user does with the installed package: compile, run, type a command.
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { inject } from 'vitest'

/** The repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

export const SEED_QUESTION = 'What is the capital of France?'
export const SEED_ANSWER = 'The capital of France is Paris.'

const execute = promisify(execFile)

/** Path of a file in the user's folder. */
export function userPath(...parts: string[]): string {
  return join(inject('userFolder'), ...parts)
}

/** The text of a file of the repository. */
export function repositoryText(file: string): Promise<string> {
  return readFile(join(ROOT, file), 'utf8')
}

/** What a program prints; a program that fails fails the test, with what it wrote to stderr. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(program, args, { cwd: inject('userFolder'), maxBuffer: 2 ** 26 })
  return stdout
}

/** Writes a TypeScript file into the user's folder. */
export async function write(file: string, source: string): Promise<void> {
  await mkdir(dirname(userPath(file)), { recursive: true })
  await writeFile(userPath(file), source)
}

/** What a TypeScript file of the user's folder prints. */
export async function runTypeScript(file: string): Promise<string> {
  const { code } = await transform(await readFile(userPath(file), 'utf8'), { loader: 'ts', format: 'esm' })
  const compiled = file.replace(/\.ts$/, '.js')
  await writeFile(userPath(compiled), code)
  return run(process.execPath, compiled)
}

/** Type-checks files of the user's folder, and the package's types with them. Throws with the complaints. */
export async function typeCheck(resolution: 'bundler' | 'node16' | 'nodenext', ...files: string[]): Promise<void> {
  const module = resolution === 'bundler' ? 'esnext' : resolution
  const options = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--lib', 'es2024,dom']
  try {
    await run(process.execPath, TSC, ...options, '--module', module, '--moduleResolution', resolution, ...files)
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout, { cause: error })
  }
}
