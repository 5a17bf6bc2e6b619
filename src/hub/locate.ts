/**
 * What a hub says about a file before it is downloaded: the commit it is of, its size, and a name for its content.
 *
 * In Node the headers of a HEAD request say it, as they do for Hugging Face's own libraries: `x-repo-commit`; `x-linked-etag` and
 * `x-linked-size` of a large file, which come with the redirect to where it is stored; `etag` and `content-length` of a small one. A
 * page cannot read the headers of a redirect; it asks the hub's list of the model's files, which holds the same.
 * https://huggingface.co/docs/huggingface_hub/package_reference/file_download
 */
import { JsonObject } from '../files/json.js'
import { HubError } from './errors.js'
import { isNode, type HubSettings } from './options.js'
import { hubRequest, refusal, type HubResponse } from './request.js'
import { inTime, throwIfAborted } from './retry.js'

export interface HubFile {
  /** Path in the repository. */
  readonly file: string
  /** SHA-256 of a large file, git's id of a small one, in hexadecimal digits; a mirror may have names of its own. */
  readonly etag: string
  /** Bytes. */
  readonly size: number
}

export interface LocateOptions {
  readonly signal?: AbortSignal
  readonly tries?: number
}

/** Where a model's files are described. */
export interface Locator {
  /**
   * The commit that a revision stands for, and the file at it; no file when the model has none of that name, no commit when the
   * server did not say.
   */
  locate(revision: string, file: string, options: LocateOptions): Promise<{ commit?: string; found?: HubFile }>
}

/** Address of a file's content. */
export function resolveUrl({ endpoint }: HubSettings, repository: string, revision: string, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/')
  return `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${path}`
}

export function locator(repository: string, settings: HubSettings): Locator {
  return isNode() ? headerLocator(repository, settings) : listLocator(repository, settings)
}

const linked = (headers: Headers) => headers.has('x-linked-etag')

function headerLocator(repository: string, settings: HubSettings): Locator {
  return {
    locate: async (revision, file, options) => {
      const url = resolveUrl(settings, repository, revision, file)
      const answer = await hubRequest(url, settings, {
        method: 'HEAD',
        repository,
        ...options,
        enough: linked,
        answers: [404],
      })
      const commit = answer.header('x-repo-commit')
      if (commit !== undefined && !isCommit(commit)) throw notAHub(url, `x-repo-commit is ${JSON.stringify(commit)}`)
      if (answer.response.status === 404) {
        const reason = answer.header('x-error-code')
        if (reason === 'RepoNotFound' || reason === 'RevisionNotFound') throw refusal(url, settings, repository, answer)
        return { commit }
      }
      if (commit === undefined) throw notAHub(url, 'there is no x-repo-commit')
      return { commit, found: describe(url, file, answer) }
    },
  }
}

function describe(url: string, file: string, { header, response }: HubResponse): HubFile {
  const etag = (header('x-linked-etag') ?? response.headers.get('etag') ?? '').replace(/^W\//, '').replaceAll('"', '')
  const size = header('x-linked-size') ?? response.headers.get('content-length') ?? ''
  if (!isEtag(etag)) throw notAHub(url, `the ETag is ${JSON.stringify(etag)}`)
  if (!isSize(Number(size)) || size === '') throw notAHub(url, `the size is ${JSON.stringify(size)}`)
  return { file, etag, size: Number(size) }
}

function notAHub(url: string, what: string): HubError {
  return new HubError(
    'hub-not-a-hub',
    `${url}: the answer is not that of a Hugging Face hub (${what}); a folder of files is named by its URL`,
  )
}

const LARGEST_LIST = 64 * 2 ** 20

/** Asks the list of a revision's files once. */
function listLocator(repository: string, settings: HubSettings): Locator {
  const lists = new Map<string, Promise<{ commit: string; files: ReadonlyMap<string, HubFile> }>>()
  async function fetchList(revision: string, options: LocateOptions) {
    const url = `${settings.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`
    const { response } = await hubRequest(url, settings, { repository, ...options })
    if (Number(response.headers.get('content-length') ?? 0) > LARGEST_LIST) throw notAHub(url, 'the list is too long')
    const text = await inTime(settings.stallSeconds, () => response.text()).catch((error: Error) => {
      throwIfAborted(options.signal, repository)
      const message = `${repository}: ${url} breaks off (${error.message}); try again later`
      throw new HubError('hub-interrupted', message, { cause: error })
    })
    const list = JsonObject.parse(text, url)
    const commit = list.string('sha')
    if (!isCommit(commit)) throw notAHub(url, `sha is ${JSON.stringify(commit)}`)
    const siblings = list.get('siblings')
    if (!Array.isArray(siblings)) throw notAHub(url, 'siblings is not a list')
    const files = siblings.map((sibling) => listed(url, new JsonObject(sibling, url)))
    return { commit, files: new Map(files.map((found) => [found.file, found])) }
  }
  return {
    locate: async (revision, file, options) => {
      const list = lists.get(revision) ?? fetchList(revision, options)
      lists.set(revision, list)
      list.catch(() => lists.delete(revision))
      const { commit, files } = await list
      lists.set(commit, list)
      return { commit, found: files.get(file) }
    },
  }
}

function listed(url: string, sibling: JsonObject): HubFile {
  const file = sibling.string('rfilename')
  const lfs = sibling.has('lfs') ? sibling.object('lfs') : undefined
  const etag = lfs ? lfs.string('sha256') : sibling.string('blobId')
  if (!isEtag(etag)) throw notAHub(url, `the hash of ${JSON.stringify(file)} is ${JSON.stringify(etag)}`)
  return { file, etag, size: (lfs ?? sibling).integer('size', { min: 0 }) }
}

export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text)
}

/** An ETag becomes a file name. */
function isEtag(text: string): boolean {
  return /^[A-Za-z0-9][\w-]{0,127}$/.test(text)
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0
}
