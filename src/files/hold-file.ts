/**
 * One process at a time may write a file. Its lock is a link beside it, `<file>.lock`, that leads nowhere: where a link would lead stands
 * who holds the file, `<process> <machine>`. The system makes a link only where nothing is, and whole, so of many who try one succeeds and
 * nobody ever reads half a name.
 *
 * A process that dies leaves its lock behind. If everybody who finds such a lock deleted it, the second would delete the new lock of
 * the first. So whoever deletes one has to hold the lock of the lock, `<file>.lock.lock`, and looks again when he does: as the holder is
 * dead and nobody else may delete it, what he then sees is what he deletes. Should he die at that, his lock is deleted in the same way,
 * under `<file>.lock.lock.lock`. Afterwards all try again, and again one succeeds. Nobody waits for anybody.
 *
 * Needs Node; node-file.ts passes it on.
 */
import { readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { FileError } from '../errors.js'
import { isCode } from './system-error.js'

/**
 * Takes hold of a path for this process, until what is returned is called. The lock of a process that is no more is taken over.
 * @throws FileError `file-held` when another process holds it or may, being on another machine; `file-unwritable`
 */
export function holdFile(path: string): Promise<() => Promise<void>> {
  return hold(`${path}.lock`, path)
}

async function hold(lock: string, path: string): Promise<() => Promise<void>> {
  while (!(await attempt(lock, create))) {
    const holder = await attempt(lock, read)
    if (holder === undefined) continue // it was given back just now
    if (!isDead(holder)) throw heldBy(holder, lock, path)
    const giveBack = await hold(`${lock}.lock`, path)
    try {
      const still = await attempt(lock, read)
      if (still !== undefined && isDead(still)) await attempt(lock, remove)
    } finally {
      await giveBack()
    }
  }
  return () => attempt(lock, remove)
}

/** False where there is one. */
async function create(lock: string): Promise<boolean> {
  const holder = `${process.pid} ${hostname()}`
  try {
    await symlink(holder, lock).catch((error: unknown) => {
      if (!isCode(error, 'EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP')) throw error
      return writeFile(lock, holder, { flag: 'wx' }) // where there are no links: Windows, FAT
    })
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Who holds it; undefined where there is none. */
async function read(lock: string): Promise<string | undefined> {
  try {
    return await readlink(lock)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    if (!isCode(error, 'EINVAL', 'UNKNOWN')) throw error
  }
  return readFile(lock, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  })
}

function remove(lock: string): Promise<void> {
  return rm(lock, { force: true })
}

async function attempt<T>(lock: string, action: (lock: string) => Promise<T>): Promise<T> {
  return action(lock).catch((error: Error) => {
    throw new FileError('file-unwritable', `${lock}: cannot be written (${error.message})`, { cause: error })
  })
}

/** Of what runs elsewhere, and of a lock that is no link and still empty, nothing is known. */
function isDead(holder: string): boolean {
  const { pid, machine } = parse(holder)
  return pid !== undefined && machine === hostname() && !isRunning(Number(pid))
}

function heldBy(holder: string, lock: string, path: string): FileError {
  const { pid, machine } = parse(holder)
  const who = pid === undefined ? 'another process' : `process ${pid}`
  const where = machine === hostname() ? '' : ` of ${machine}`
  return new FileError(
    'file-held',
    `${path}: ${who}${where} is writing it; wait for it, or delete ${lock} if there is none`,
  )
}

function parse(holder: string): { readonly pid: string | undefined; readonly machine: string } {
  const [, pid, machine = hostname()] = /^(\d+)(?: (.+))?$/.exec(holder) ?? []
  return { pid, machine }
}

/** Whether this machine has a process of that number. */
export function isRunning(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return !isCode(error, 'ESRCH') // else it runs, and is someone else's
  }
}
