/**
 * `glassformer explore`: serves the explorer's page and opens it in the browser, until Ctrl-C.
 */
import { spawn } from 'node:child_process'
import { UsageError, wholeNumber, type Arguments, type CommandSpec } from './arguments.js'
import { startExplorerServer } from './explorer-server.js'
import type { Terminal } from './terminal.js'

const PORT = 4180
const LAST_PORT = 65_535

export const exploreSpec: CommandSpec = {
  name: 'explore',
  positionals: [],
  summary: 'Opens a page that shows every step from a question to its answer.',
  options: {
    port: { type: 'string', value: 'N', help: `port to serve the page at, 0 for any that is free (default: ${PORT})` },
    'no-open': { type: 'boolean', help: 'do not open the browser' },
  },
  details: 'The page is served to this computer alone, and computes in the browser. Ctrl-C ends it.',
}

export async function explore({ options }: Arguments, { print, dim, fail, signal }: Terminal): Promise<void> {
  const port = wholeNumber('port', options.port, 0) ?? PORT
  if (port > LAST_PORT) throw new UsageError(`--port is "${port}", expected at most ${LAST_PORT}`)
  const server = await startExplorerServer(port)
  const ended = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
  print(`The explorer is at ${server.address}`)
  print(dim('Ctrl-C ends it.'))
  if (!options['no-open']) {
    openBrowser(server.address, (reason) => fail(`No browser could be opened (${reason}); open the address yourself.`))
  }
  await ended
  await server.close()
}

/** Starts the platform's program for opening an address, which goes on by itself. */
function openBrowser(address: string, onFailure: (reason: string) => void): void {
  const [program, ...args] = openers[process.platform] ?? ['xdg-open']
  const child = spawn(program, [...args, address], { stdio: 'ignore', detached: true })
  child.once('error', (error) => onFailure(error.message))
  child.once('exit', (code) => code && onFailure(`${program} ended with ${code}`))
  child.unref()
}

const openers: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
}
