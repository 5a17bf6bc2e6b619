/**
 * Running the command line as a user does: another process, from its sources, with its outputs piped or on a terminal.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const TSX = [process.execPath, '--import', import.meta.resolve('tsx')]

export interface CliResult {
  /** Exit code; null when a signal ended the process. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  /** Given on standard input, which is empty otherwise. */
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  /** Called with the process, and again with all its output at each piece of it. */
  readonly watch?: (child: ChildProcess, stdout: string) => void
}

/** `glassformer ARGS` with piped outputs. */
export function runCli(args: readonly string[], options?: CliOptions): Promise<CliResult> {
  return runScript(MAIN, args, options)
}

/** `glassformer serve ARGS` at a free port: visits it and presses Ctrl-C. What the visit throws is thrown. */
export async function serveCli(
  args: readonly string[],
  visit: (address: string) => Promise<unknown>,
): Promise<CliResult> {
  let visited: Promise<unknown> | undefined
  const result = await runCli(['serve', '--port', '0', ...args], {
    watch: (child, stdout) => {
      const address = /at (http:\S+)\n/.exec(stdout)?.[1]
      if (address === undefined || visited) return
      visited = visit(address).finally(() => child.kill('SIGINT'))
    },
  })
  await visited
  return result
}

/** A TypeScript file as a program of its own, with piped outputs. */
export function runScript(file: string, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return run([...TSX, file, ...args], { input: '', ...options })
}

/** Why there is no terminal to run on, or undefined when there is one: it takes `script` of util-linux. */
export const NO_TERMINAL = noTerminal()

/** `glassformer ARGS` on a terminal of its own; what it writes to both outputs comes as stdout. */
export function runCliOnTerminal(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const command = [...TSX, MAIN, ...args].map((part) => `'${part.replaceAll("'", "'\\''")}'`).join(' ')
  // exec: a shell that stays has an exit code of its own when Ctrl-C comes
  return run(['script', '--quiet', '--return', '--command', `exec ${command}`, '/dev/null'], options)
}

function run([program, ...args]: readonly string[], { input, env, watch }: CliOptions): Promise<CliResult> {
  // the colours of whoever runs the tests are not those of the program
  const neutral = { TERM: 'xterm', NO_COLOR: undefined, FORCE_COLOR: undefined }
  const child = spawn(program, args, { env: { ...process.env, ...neutral, ...env } })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      watch?.(child, output.stdout)
    })
  }
  child.stdin.on('error', () => {}) // a program that ends without reading its input
  if (input !== undefined) child.stdin.end(input)
  watch?.(child, '')
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      child.stdin.destroy()
      resolve({ code, ...output })
    })
  })
}

function noTerminal(): string | undefined {
  try {
    const version = execFileSync('script', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return version.includes('util-linux') ? undefined : 'script is not that of util-linux'
  } catch {
    return 'there is no script command'
  }
}
