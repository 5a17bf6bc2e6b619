/**
 * The cache as a folder, in the layout that all of Hugging Face's libraries share, so that what one has downloaded the others find:
 *
 * ```
 * models--org--name/blobs/<etag>
 *                   refs/main                     holds the commit
 *                   snapshots/<commit>/<file>     a link to ../../blobs/<etag>
 *                   .no_exist/<commit>/<file>     empty: there is no such file
 * ```
 *
 * https://huggingface.co/docs/hub/local-cache. A download writes `blobs/<etag>.glassformer.<pid>.<random>.incomplete`. Whoever takes up
 * what an earlier try has left renames it to such a name of its own first; a rename happens once, so two processes never write to
 * the same file, and need no lock. The last rename puts the whole content in place; should another program have put it there
 * meanwhile, it is the same content.
 *
 * Needs Node, and is loaded by import().
 */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, symlink, writeFile, type FileHandle } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { openFile } from '../files/node-file.js'
import { oneAtATime, type HubCache, type PartialContent } from './cache.js'
import { HubError } from './errors.js'
import { isCommit, type HubFile } from './locate.js'
import { environment } from './options.js'

export function nodeCache(repository: string, cacheDir: string | undefined): HubCache {
  const root = cacheDir ?? defaultFolder()
  const folder = join(root, `models--${repository.replaceAll('/', '--')}`)
  const blob = (etag: string) => join(folder, 'blobs', etag)
  const snapshot = (commit: string) => join(folder, 'snapshots', commit)
  const absent = (commit: string, file: string) => join(folder, '.no_exist', commit, file)
  return {
    name: root,
    snapshot,
    commitOf: async (revision) => {
      const commit = await readFile(join(folder, 'refs', revision), 'utf8').catch(() => '')
      return isCommit(commit.trim()) ? commit.trim() : undefined
    },
    keepRevision: (revision, commit) => note(join(folder, 'refs', revision), commit),
    open: (commit, file) => openFile(snapshot(commit), file),
    isAbsent: (commit, file) => exists(absent(commit, file)),
    keepAbsent: (commit, file) => note(absent(commit, file), ''),
    link: async (commit, { file, etag, size }) => {
      const content = blob(etag)
      const found = await stat(content).catch(() => undefined)
      if (found?.size !== size) return false
      await writing(root, () => link(content, join(snapshot(commit), file)))
      return true
    },
    begin: (found) => writing(root, () => Partial.begin(root, blob(found.etag), found)),
    createHash: (algorithm) => {
      const hash = createHash(algorithm)
      return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') }
    },
    exclusive: (etag, work) => oneAtATime(resolve(blob(etag)), work),
  }
}

function defaultFolder(): string {
  const direct = environment('HF_HUB_CACHE')
  if (direct !== undefined) return expand(direct)
  const cache = environment('XDG_CACHE_HOME') ?? join(homedir(), '.cache')
  return join(expand(environment('HF_HOME') ?? join(cache, 'huggingface')), 'hub')
}

function expand(path: string): string {
  return path.replace(/^~(?=$|[/\\])/, homedir())
}

/** Writes a small file that saves requests later. A cache that may only be read does without. */
async function note(path: string, content: string): Promise<void> {
  const old = await readFile(path, 'utf8').catch(() => undefined)
  if (old?.trim() === content) return
  const fresh = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(fresh, content)
    await rename(fresh, path)
  } catch {
    await rm(fresh, { force: true }).catch(() => {})
  }
}

/** A link from a snapshot to a content, in the place of what is there. Where links are not allowed (Windows), the content moves. */
async function link(content: string, pointer: string): Promise<void> {
  await mkdir(dirname(pointer), { recursive: true })
  const fresh = `${pointer}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    await symlink(relative(dirname(pointer), content), fresh)
  } catch (error) {
    if (!isCode(error, 'EPERM', 'ENOSYS', 'ENOTSUP')) throw error
    await rename(content, pointer)
    return
  }
  await rename(fresh, pointer)
}

class Partial implements PartialContent {
  readonly #root: string
  readonly #content: string
  readonly #path: string
  readonly #found: HubFile
  readonly #handle: FileHandle
  #length: number
  #kept = false

  private constructor(root: string, content: string, path: string, found: HubFile, handle: FileHandle, length: number) {
    this.#root = root
    this.#content = content
    this.#path = path
    this.#found = found
    this.#handle = handle
    this.#length = length
  }

  static async begin(root: string, content: string, found: HubFile): Promise<Partial> {
    await mkdir(dirname(content), { recursive: true })
    const path = `${content}.glassformer.${process.pid}.${randomBytes(4).toString('hex')}.incomplete`
    for (const left of await leftovers(content)) {
      // whoever comes second finds that it is gone
      const mine = await rename(left, path).then(() => true, () => false) // prettier-ignore
      if (mine) break
    }
    const handle = await open(path, 'a+')
    return new Partial(root, content, path, found, handle, (await handle.stat()).size)
  }

  get length(): number {
    return this.#length
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#write(async () => {
      await this.#handle.appendFile(bytes)
      this.#length += bytes.length
    })
  }

  read(): AsyncIterable<Uint8Array> {
    return createReadStream(this.#path, { highWaterMark: 1 << 20 })
  }

  async restart(): Promise<void> {
    await this.#write(() => this.#handle.truncate(0))
    this.#length = 0
  }

  async keep(): Promise<void> {
    await this.#write(async () => {
      await this.#handle.sync()
      await this.#handle.close()
      await rename(this.#path, this.#content)
    })
    this.#kept = true
  }

  async release(): Promise<void> {
    if (this.#kept) return
    await this.#handle.close().catch(() => {})
    if (this.#length === 0) await rm(this.#path, { force: true })
    else await rename(this.#path, `${this.#content}.glassformer.incomplete`).catch(() => {})
  }

  #write<T>(work: () => Promise<T>): Promise<T> {
    return writing(this.#root, work, this.#found)
  }
}

/** What earlier tries have left of a content: put down in order, or by a process that is no more. */
async function leftovers(content: string): Promise<string[]> {
  const folder = dirname(content)
  const prefix = `${content.slice(folder.length + 1)}.glassformer.`
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix) && name.endsWith('.incomplete'))
  const free = names.filter((name) => {
    const [pid] = /^\d+/.exec(name.slice(prefix.length)) ?? []
    return pid === undefined || !isRunning(Number(pid))
  })
  return free.map((name) => join(folder, name))
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !isCode(error, 'ESRCH')
  }
}

/** Turns what the file system refuses into an error that says what to do. */
async function writing<T>(root: string, work: () => Promise<T>, found?: HubFile): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    const elsewhere = 'another folder is named by --cache or cacheDir, or by HF_HUB_CACHE'
    if (isCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) {
      const what = found ? ` for ${found.file} of ${found.size} bytes` : ''
      throw new HubError('cache-full', `${root}: there is no room${what}; make some (${elsewhere})`, { cause: error })
    }
    throw new HubError('cache-unwritable', `${root}: the cache cannot be written (${error.message}); ${elsewhere}`, {
      cause: error,
    })
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(error.code as string)
}
