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
import { constants } from 'node:fs'
import { lstat, open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { isRunning } from '../files/hold-file.js'
import { openFile } from '../files/node-file.js'
import { oneAtATime, type HubCache, type PartialContent } from './cache.js'
import { HubError } from './errors.js'
import { isCommit, type HubFile } from './locate.js'
import { contentOf, isRight, nodeHash, seal, verifySnapshot, type VerifiedFile } from './node-content.js'
import { freshName, link, makeFolder, note, writing } from './node-writing.js'
import { checkHubName, environment, hubSettings, type HubOptions } from './options.js'

/** The files that the cache has of a model at a revision, each compared with its hash. @throws HubError when it has none */
export async function verifyModel(repository: string, options: HubOptions): Promise<VerifiedFile[]> {
  checkHubName(repository)
  const { revision } = hubSettings(options)
  const cache = nodeCache(repository, options.cacheDir)
  const commit = isCommit(revision) ? revision : await cache.commitOf(revision)
  const files = commit === undefined ? [] : await verifySnapshot(cache.snapshot(commit))
  if (files.length > 0) return files
  throw new HubError(
    'hub-not-cached',
    `${repository}: ${cache.name} has nothing of revision "${revision}"; "glassformer download" brings it`,
  )
}

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
    keepRevision: (revision, commit) => note(root, join(folder, 'refs', revision), commit),
    open: async (commit, file) => {
      const source = await openFile(snapshot(commit), file)
      const content = source && (await contentOf(join(snapshot(commit), file)))
      if (content === undefined || (await isRight(root, content))) return source
      await source?.close()
      throw new HubError(
        'cache-damaged',
        `${content}: does not have the hash that is its name; delete it, or open ${file} where the hub can be reached, and it is downloaded again`,
      )
    },
    isAbsent: (commit, file) => exists(absent(commit, file)),
    keepAbsent: (commit, file) => note(root, absent(commit, file), ''),
    link: async (commit, { file, etag, size }) => {
      const content = blob(etag)
      const found = await stat(content).catch(() => undefined)
      if (found?.size !== size || !(await isRight(root, content))) return false
      await writing(root, () => link(root, content, join(snapshot(commit), file)))
      return true
    },
    begin: (found) => writing(root, () => Partial.begin(root, blob(found.etag), found)),
    createHash: nodeHash,
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
    await makeFolder(root, dirname(content))
    const path = `${freshName(`${content}.glassformer`)}.incomplete`
    for (const left of await leftovers(content)) {
      // whoever comes second finds that it is gone
      const mine = await rename(left, path).then(() => true, () => false) // prettier-ignore
      if (!mine) continue
      if (await isOwnFile(path)) break
      await rm(path, { recursive: true }) // the link, and not what it leads to
    }
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants // the last is not there on Windows, which is as good as 0
    const handle = await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW)
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
    return this.#handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 })
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
      await seal(this.#root, this.#content)
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

/** Whether what is at a path is a file and nothing else: not a link to one, and not also one elsewhere (a hard link). */
async function isOwnFile(path: string): Promise<boolean> {
  const found = await lstat(path)
  return found.isFile() && found.nlink === 1
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

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
