/**
 * The cache of a page: its origin private file system, or memory where a page has none (addresses that are not secure, some
 * private windows); then a file is downloaded again by the next page. Paths in it:
 *
 * ```
 * <org/name>/refs/<revision>            the commit
 *            absent/<commit>/<file>     empty
 *            snapshots/<commit>/<file>  the ETag and the size
 *            blobs/<etag>/0, 1, …       pieces of the content, and `whole` when they are all there
 * ```
 *
 * A file that is written in a page's storage appears when it is closed, so content is kept in pieces: those that have come stay when the
 * page is left. A reader gets a Blob of all pieces, which stays on disk.
 */
import { blobSource } from '../files/byte-source.js'
import { oneAtATime, type HubCache, type PartialContent } from './cache.js'
import { HubError } from './errors.js'
import type { HubFile } from './locate.js'
import { sha } from './sha.js'

const ROOT = 'glassformer-hub'
const PIECE = 16 * 2 ** 20 // bytes

/** Files by path. */
interface Store {
  read(path: readonly string[]): Promise<Blob | undefined>
  write(path: readonly string[], content: Blob): Promise<void>
  remove(path: readonly string[]): Promise<void>
}

export async function pageCache(repository: string): Promise<HubCache> {
  const store = (await originStore()) ?? memoryStore()
  const at = (...path: readonly string[]) => [repository, ...path]
  const text = async (...path: readonly string[]) => (await store.read(at(...path)))?.text()
  const write = (content: string, ...path: readonly string[]) => store.write(at(...path), new Blob([content]))
  return {
    name: 'the storage of this page',
    snapshot: (commit) => `${repository}/snapshots/${commit}`,
    commitOf: (revision) => text('refs', revision),
    keepRevision: (revision, commit) => write(commit, 'refs', revision),
    isAbsent: async (commit, file) => (await text('absent', commit, file)) !== undefined,
    keepAbsent: (commit, file) => write('', 'absent', commit, file),
    open: async (commit, file) => {
      const etag = await text('snapshots', commit, file)
      if (etag === undefined || (await text('blobs', etag, 'whole')) === undefined) return undefined
      const content = new Blob(await pieces(store, at('blobs', etag)))
      return blobSource(content, `${repository}/${file}`)
    },
    link: async (commit, { file, etag, size }) => {
      if ((await text('blobs', etag, 'whole')) !== String(size)) return false
      await write(etag, 'snapshots', commit, file)
      return true
    },
    begin: async (found) => Pieces.begin(store, at('blobs', found.etag), found),
    createHash: sha,
    exclusive: (etag, work) => {
      const name = `${ROOT}/${repository}/${etag}`
      // other tabs of the page share the storage
      const { navigator } = globalThis as { navigator?: Partial<Navigator> }
      return navigator?.locks ? navigator.locks.request(name, work) : oneAtATime(name, work)
    },
  }
}

async function pieces(store: Store, blob: readonly string[]): Promise<Blob[]> {
  const found: Blob[] = []
  for (;;) {
    const piece = await store.read([...blob, String(found.length)])
    if (!piece) return found
    found.push(piece)
  }
}

class Pieces implements PartialContent {
  readonly #store: Store
  readonly #blob: readonly string[]
  readonly #found: HubFile
  /** Pieces that are stored. */
  #count: number
  #stored: number
  #waiting: Uint8Array<ArrayBuffer>[] = []
  #waitingLength = 0

  private constructor(store: Store, blob: readonly string[], found: HubFile, here: readonly Blob[]) {
    this.#store = store
    this.#blob = blob
    this.#found = found
    this.#count = here.length
    this.#stored = here.reduce((sum, { size }) => sum + size, 0)
  }

  static async begin(store: Store, blob: readonly string[], found: HubFile): Promise<Pieces> {
    return new Pieces(store, blob, found, await pieces(store, blob))
  }

  get length(): number {
    return this.#stored + this.#waitingLength
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(new Uint8Array(bytes))
    this.#waitingLength += bytes.length
    if (this.#waitingLength >= PIECE) await this.#flush()
  }

  async *read(): AsyncIterable<Uint8Array> {
    await this.#flush()
    for (const piece of await pieces(this.#store, this.#blob)) yield new Uint8Array(await piece.arrayBuffer())
  }

  async restart(): Promise<void> {
    await this.#store.remove([...this.#blob, 'whole'])
    for (let piece = this.#count - 1; piece >= 0; piece--) await this.#store.remove([...this.#blob, String(piece)])
    this.#count = this.#stored = this.#waitingLength = 0
    this.#waiting = []
  }

  async keep(): Promise<void> {
    await this.#flush()
    await this.#store.write([...this.#blob, 'whole'], new Blob([String(this.#found.size)]))
  }

  release(): Promise<void> {
    return this.#flush()
  }

  async #flush(): Promise<void> {
    if (this.#waitingLength === 0) return
    await this.#store.write([...this.#blob, String(this.#count)], new Blob(this.#waiting)).catch((error: unknown) => {
      const full = (error as Error).name === 'QuotaExceededError'
      throw new HubError(
        full ? 'cache-full' : 'cache-unwritable',
        `${this.#found.file}: the storage of this page ${full ? `has no room for ${this.#found.size} bytes` : 'cannot be written'} (${(error as Error).message})`,
        { cause: error },
      )
    })
    this.#count++
    this.#stored += this.#waitingLength
    this.#waiting = []
    this.#waitingLength = 0
  }
}

/** The origin private file system, or undefined where the page has none. */
async function originStore(): Promise<Store | undefined> {
  let root: FileSystemDirectoryHandle
  try {
    root = await (await navigator.storage.getDirectory()).getDirectoryHandle(ROOT, { create: true })
  } catch {
    return undefined
  }
  async function folder(path: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle> {
    let at = root
    for (const name of path.slice(0, -1)) at = await at.getDirectoryHandle(encodeURIComponent(name), { create })
    return at
  }
  const name = (path: readonly string[]) => encodeURIComponent(path.at(-1)!)
  const orMissing = (error: unknown) => {
    if ((error as Error).name !== 'NotFoundError') throw error
    return undefined
  }
  return {
    read: async (path) => {
      const found = await folder(path, false).then((at) => at.getFileHandle(name(path))).catch(orMissing) // prettier-ignore
      return found?.getFile()
    },
    write: async (path, content) => {
      const at = await folder(path, true)
      const writable = await (await at.getFileHandle(name(path), { create: true })).createWritable()
      await writable.write(content)
      await writable.close()
    },
    remove: async (path) => {
      await folder(path, false).then((at) => at.removeEntry(name(path))).catch(orMissing) // prettier-ignore
    },
  }
}

const MEMORY = new Map<string, Blob>()

function memoryStore(): Store {
  return {
    read: async (path) => MEMORY.get(path.join('\n')),
    write: async (path, content) => void MEMORY.set(path.join('\n'), content),
    remove: async (path) => void MEMORY.delete(path.join('\n')),
  }
}
