/**
 * A model on a hub as a folder, whose files are downloaded when they are opened. All files are of one commit: the one at which the
 * revision is when the first of them is asked for.
 */
import { AbortedError } from '../errors.js'
import type { ByteSource } from '../files/byte-source.js'
import type { Folder } from '../files/folder.js'
import { isPlainPath } from '../files/plain-path.js'
import type { HubCache } from './cache.js'
import { HubError } from './errors.js'
import { isCommit, locator, resolveUrl, type HubFile, type Locator } from './locate.js'
import { checkHubName, hubSettings, isNode, type HubOptions, type HubSettings } from './options.js'
import { pageCache } from './page-cache.js'
import { throwIfAborted } from './retry.js'
import { transfer } from './transfer.js'

/**
 * The model of that name on the Hugging Face hub, to be given to any `fromPretrained`. In Node a string `org/name` does the same where
 * there is no such folder; in a page, where a string is a URL, this is how a hub is named.
 * @throws HubError for a name that cannot be one, an endpoint that is no address, or a token that cannot be sent. What goes wrong with a
 * download is thrown by what opens the file.
 */
export function hub(repository: string, options: HubOptions = {}): Folder {
  return new HubFolder(repository, options)
}

/** A file that the cache has, or that can be downloaded. */
type Found = { readonly here: ByteSource } | { readonly there: HubFile; readonly commit: string }

export class HubFolder implements Folder {
  readonly name: string
  readonly #settings: HubSettings
  readonly #options: HubOptions
  readonly #locator: Locator
  #cache: Promise<HubCache> | undefined
  /** The commit that all files are of, once it is known. */
  #commit: string | undefined
  /** Why no server is asked: it must not be, or it did not answer. */
  #offline: { readonly reason: string; readonly cause?: unknown; readonly cache?: string } | undefined

  constructor(repository: string, options: HubOptions) {
    checkHubName(repository)
    this.name = repository
    this.#options = options
    this.#settings = hubSettings(options)
    this.#locator = locator(repository, this.#settings)
    if (isCommit(this.#settings.revision)) this.#commit = this.#settings.revision
    if (this.#settings.offline) {
      this.#offline = { reason: 'offline mode (localFilesOnly, or HF_HUB_OFFLINE) keeps it from being downloaded' }
    }
  }

  async open(file: string): Promise<ByteSource | undefined> {
    const found = await this.#find(file)
    if (found === undefined || 'here' in found) return found?.here
    const { there, commit } = found
    const cache = await this.#openCache()
    await this.#inTurn(cache, there, async () => {
      if (await cache.link(commit, there)) return // another revision has it, or somebody else was faster
      const { onDownload, signal } = this.#options
      const url = resolveUrl(this.#settings, this.name, commit, file)
      await transfer(url, there, cache, { repository: this.name, settings: this.#settings, onDownload, signal })
      await cache.link(commit, there)
    })
    return cache.open(commit, file)
  }

  async has(file: string): Promise<boolean> {
    const found = await this.#find(file)
    if (found && 'here' in found) await found.here.close()
    return found !== undefined
  }

  hint(): string | undefined {
    return this.#offline && `; ${this.#offline.cache ?? 'the cache'} does not have it, and ${this.#offline.reason}`
  }

  /** Folder of the snapshot in the cache, once a file has been opened. */
  async snapshot(): Promise<string | undefined> {
    return this.#commit && (await this.#openCache()).snapshot(this.#commit)
  }

  #openCache(): Promise<HubCache> {
    return (this.#cache ??= openCache(this.name, this.#options.cacheDir))
  }

  async #find(file: string): Promise<Found | undefined> {
    if (!isPlainPath(file)) {
      throw new HubError(
        'hub-unsafe-name',
        `${this.name}: ${JSON.stringify(file)} is not the name of a file in a model`,
      )
    }
    const { signal } = this.#options
    throwIfAborted(signal, this.name)
    const cache = await this.#openCache()
    if (this.#offline) return this.#fromCache(cache, file)
    if (this.#commit !== undefined) {
      const here = await openRight(cache, this.#commit, file)
      if (here) return { here }
      if (await cache.isAbsent(this.#commit, file)) return undefined
    }
    let located
    try {
      // where the cache can stand in for the hub, nobody has to wait for a hub that does not answer
      const tries = (await this.#isCached(cache, file)) ? 1 : undefined
      located = await this.#locator.locate(this.#commit ?? this.#settings.revision, file, { signal, tries })
    } catch (error) {
      if (!isNoAnswer(error) || !(await this.#cachedCommit(cache))) throw error
      this.#offline = { reason: 'the hub does not answer', cause: error, cache: cache.name }
      return this.#fromCache(cache, file)
    }
    const { found: there, commit } = located
    if (commit !== undefined) await this.#pin(cache, commit)
    if (!there || commit === undefined) {
      if (commit !== undefined) await cache.keepAbsent(commit, file)
      return undefined
    }
    const here = await openRight(cache, commit, file)
    if (here?.size === there.size) return { here }
    await here?.close()
    return { there, commit }
  }

  /** Runs `work` when nobody else here downloads this content. The signal ends the wait; `work` heeds it by itself. */
  async #inTurn(cache: HubCache, { etag }: HubFile, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#options
    let begun = false
    const done = cache.exclusive(etag, () => {
      begun = true
      throwIfAborted(signal, this.name)
      return work()
    })
    await new Promise<void>((resolve, reject) => {
      const giveUp = () => begun || reject(new AbortedError(`the download of ${this.name}`, signal?.reason))
      signal?.addEventListener('abort', giveUp)
      done.finally(() => signal?.removeEventListener('abort', giveUp)).then(resolve, reject)
    })
  }

  /** From now on all files are of this commit. */
  async #pin(cache: HubCache, commit: string): Promise<void> {
    if (this.#commit === commit) return
    this.#commit = commit
    if (commit !== this.#settings.revision) await cache.keepRevision(this.#settings.revision, commit)
  }

  async #fromCache(cache: HubCache, file: string): Promise<Found | undefined> {
    const commit = await this.#cachedCommit(cache)
    this.#offline = { ...this.#offline!, cache: cache.name }
    if (commit === undefined) {
      throw new HubError(
        'hub-not-cached',
        `${this.name}: ${cache.name} does not have revision "${this.#settings.revision}", and ${this.#offline.reason}`,
        { cause: this.#offline.cause },
      )
    }
    const here = await cache.open(commit, file)
    return here && { here }
  }

  /** Whether the cache has the file as the revision was when it was last seen. */
  async #isCached(cache: HubCache, file: string): Promise<boolean> {
    const commit = this.#commit ?? (await cache.commitOf(this.#settings.revision))
    const here = commit && (await openRight(cache, commit, file))
    if (here) await here.close()
    return Boolean(here)
  }

  async #cachedCommit(cache: HubCache): Promise<string | undefined> {
    return (this.#commit ??= await cache.commitOf(this.#settings.revision))
  }
}

/** What the cache has of a file. What is damaged counts as not there: it is downloaded again. */
async function openRight(cache: HubCache, commit: string, file: string): Promise<ByteSource | undefined> {
  return cache.open(commit, file).catch((error: unknown) => {
    if (error instanceof HubError && error.code === 'cache-damaged') return undefined
    throw error
  })
}

async function openCache(repository: string, cacheDir: string | undefined): Promise<HubCache> {
  if (!isNode()) return pageCache(repository)
  const { nodeCache } = await import('./node-cache.js')
  return nodeCache(repository, cacheDir)
}

/** Whether there was no answer, or only that the hub has no time: then what is in the cache is better than nothing. */
function isNoAnswer(error: unknown): boolean {
  if (error instanceof AbortedError || !(error instanceof HubError)) return false
  return ['hub-unreachable', 'hub-rate-limited', 'hub-unavailable'].includes(error.code)
}
