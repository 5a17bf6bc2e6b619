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
const PYTHON = join(PYTHON_FOLDER, 'bin', 'python')
const MINUTES = 60_000

const run = promisify(execFile)

export class PeerMissing extends Error {}

/** Why an npm package, or `pip`, could not be installed; every row that needs it repeats the reason. */
const problems = new Map<string, string>()

/** Installs what is missing, as far as `mode` allows. */
export async function installPeers(mode: PeerMode): Promise<void> {
  if (mode !== 'install') return
  await installNode().catch((error: Error) => problems.set('npm', reasonOf(error)))
  await installRequirements().catch((error: Error) => problems.set('pip', reasonOf(error)))
}

/** The first line that names an error; before it stands the command, after it advice. */
function reasonOf({ message }: Error): string {
  const lines = message.trim().split('\n')
  return lines.find((line) => /^(npm error|error)/i.test(line) && !/ (code|errno|syscall) /.test(line)) ?? lines.at(-1)!
}

function missing(what: string, ...installers: readonly string[]): PeerMissing {
  const reason = installers.map((name) => problems.get(name)).find((text) => text !== undefined)
  return new PeerMissing(`${what} is not installed${reason === undefined ? '' : `: ${reason}`}`)
}

/** Always asks npm, which does nothing when all is there. It leaves out what fails, since all are optional, and
 * does not say why; fetching the package alone does. */
async function installNode(): Promise<void> {
  await mkdir(NODE_FOLDER, { recursive: true })
  await copyFile(join(HERE, 'package.json'), join(NODE_FOLDER, 'package.json'))
  await npm('install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline')
  const { optionalDependencies } = JSON.parse(await readFile(join(HERE, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>
  }
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (await exists(join(NODE_FOLDER, 'node_modules', name))) continue
    await npm('pack', '--dry-run', `${name}@${version}`).catch((error: Error) => problems.set(name, reasonOf(error)))
  }
}

async function npm(...args: readonly string[]): Promise<void> {
  await run('npm', args, { cwd: NODE_FOLDER, timeout: 10 * MINUTES })
}

async function installRequirements(): Promise<void> {
  if (!(await exists(PYTHON))) await run('python3', ['-m', 'venv', PYTHON_FOLDER], { timeout: 2 * MINUTES })
  const requirements = ['-q', '-r', join(HERE, 'requirements.txt')]
  await run(PYTHON, ['-m', 'pip', 'install', ...requirements], { timeout: 10 * MINUTES })
}

/** Adds a Python package without what it depends on. */
export async function installPython(requirement: string): Promise<void> {
  await run(PYTHON, ['-m', 'pip', 'install', '-q', '--no-deps', requirement], { timeout: 10 * MINUTES })
}

/** Runs a script of the bench. @throws PeerMissing when there is no Python */
export async function runPython(script: string, args: readonly string[]): Promise<void> {
  await run(await requirePython(), [script, ...args], { timeout: 10 * MINUTES })
}

/** The Python that has the peers. @throws PeerMissing */
export async function requirePython(): Promise<string> {
  if ((await exists(PYTHON)) && !problems.has('pip')) return PYTHON
  throw missing('faiss-cpu', 'pip')
}

/** Folder of an installed npm peer. @throws PeerMissing */
export async function packageFolder(name: string): Promise<string> {
  const folder = join(NODE_FOLDER, 'node_modules', name)
  if (await exists(folder)) return folder
  throw missing(name, name, 'npm')
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
