/**
 * Installs the peers into bench/.peers, which git ignores: they are hundreds of megabytes that nobody needs who does not run the
 * bench. What cannot be installed is remembered with the reason and becomes a row that says so.
 */
import { execFile } from 'node:child_process'
import { access, copyFile, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { PeerMode } from '../options.js'

const HERE = fileURLToPath(new URL('.', import.meta.url))
export const PEERS_FOLDER = fileURLToPath(new URL('../.peers', import.meta.url))
const NODE_FOLDER = join(PEERS_FOLDER, 'node')
const PYTHON_FOLDER = join(PEERS_FOLDER, 'python')
const MINUTES = 60_000

const run = promisify(execFile)

export class PeerMissing extends Error {}

/** Installs what is missing, as far as `mode` allows. Returns what went wrong, a line for each installer. */
export async function installPeers(mode: PeerMode): Promise<string[]> {
  if (mode !== 'install') return []
  const problems: string[] = []
  for (const install of [installNode, installRequirements]) {
    try {
      await install()
    } catch (error) {
      problems.push((error as Error).message.trim().split('\n').at(-1)!)
    }
  }
  return problems
}

/** Always asks npm, which does nothing when all is there. */
async function installNode(): Promise<void> {
  await mkdir(NODE_FOLDER, { recursive: true })
  await copyFile(join(HERE, 'package.json'), join(NODE_FOLDER, 'package.json'))
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], {
    cwd: NODE_FOLDER,
    timeout: 10 * MINUTES,
  })
}

async function installRequirements(): Promise<void> {
  if (!(await exists(pythonPath()))) await run('python3', ['-m', 'venv', PYTHON_FOLDER], { timeout: 2 * MINUTES })
  const requirements = ['-q', '-r', join(HERE, 'requirements.txt')]
  await run(pythonPath(), ['-m', 'pip', 'install', ...requirements], { timeout: 10 * MINUTES })
}

/** Adds a Python package without what it depends on. */
export async function installPython(requirement: string): Promise<void> {
  await run(pythonPath(), ['-m', 'pip', 'install', '-q', '--no-deps', requirement], { timeout: 10 * MINUTES })
}

/** Runs a script of the bench. @throws PeerMissing when there is no Python */
export async function runPython(script: string, args: readonly string[]): Promise<void> {
  if (!(await exists(pythonPath()))) throw new PeerMissing('Python packages are not installed')
  await run(pythonPath(), [script, ...args], { timeout: 10 * MINUTES })
}

export function pythonPath(): string {
  return join(PYTHON_FOLDER, 'bin', 'python')
}

/** Folder of an installed npm peer. @throws PeerMissing */
export async function packageFolder(name: string): Promise<string> {
  const folder = join(NODE_FOLDER, 'node_modules', name)
  if (await exists(folder)) return folder
  throw new PeerMissing(`${name} is not installed`)
}

/** @throws PeerMissing */
export async function packageVersion(name: string): Promise<string> {
  const json = await readFile(join(await packageFolder(name), 'package.json'), 'utf8')
  return (JSON.parse(json) as { version: string }).version
}

/** Loads a CommonJS peer. @throws PeerMissing when it is not there or its native part does not load */
export async function requirePeer<T>(name: string): Promise<T> {
  await packageFolder(name)
  try {
    return createRequire(join(NODE_FOLDER, 'package.json'))(name) as T
  } catch (error) {
    throw new PeerMissing(`${name} does not load: ${(error as Error).message}`)
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
