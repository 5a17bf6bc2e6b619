/**
 * A folder of files, as Hugging Face publishes models: on disk, behind a URL, or a set of Blobs that a user dropped on a
 * page. Models, tokenizers and corpora are loaded from a Folder and do not know which it is.
 */
import { FileError } from '../errors.js'
import { blobSource, bytesSource, checkRange, type ByteSource } from './byte-source.js'

export interface Folder {
  /** Path or URL, for messages. */
  readonly name: string
  /** The file as a source of ranges, or undefined when the folder has no such file. */
  open(file: string): Promise<ByteSource | undefined>
  /** Whether the folder has the file, where that can be told for less than opening it. */
  has?(file: string): Promise<boolean>
  /** What a message about a missing file says further, such as that only a cache was looked at. */
  hint?(): string | undefined
}

/** What a caller may name a folder by: a path (Node), a URL, files by name, or a Folder. */
export type FolderLike = string | URL | ReadonlyMap<string, Blob | Uint8Array> | Folder

/**
 * The Folder that `location` names. A string is a path in Node and a URL relative to the page in a browser; strings that
 * begin with http:, https: or file: are URLs in both.
 */
export function openFolder(location: FolderLike): Folder {
  if (typeof location === 'string' || location instanceof URL) return folderAt(location)
  if (location instanceof Map) return memoryFolder(location as ReadonlyMap<string, Blob | Uint8Array>)
  return location as Folder
}

/** A folder of files held in memory or picked by the user. */
export function memoryFolder(files: ReadonlyMap<string, Blob | Uint8Array>, name = 'files'): Folder {
  return {
    name,
    open: async (file) => {
      const content = files.get(file)
      if (content === undefined) return undefined
      return content instanceof Uint8Array
        ? bytesSource(content, `${name}/${file}`)
        : blobSource(content, `${name}/${file}`)
    },
  }
}

/** A folder inside another one, such as `1_Pooling` of a sentence-transformers model. */
export function subfolder(folder: Folder, path: string): Folder {
  return {
    name: `${folder.name}/${path}`,
    open: (file) => folder.open(`${path}/${file}`),
    has: (file) => hasFile(folder, `${path}/${file}`),
    hint: () => folder.hint?.(),
  }
}

/** Whether a folder has a file. */
export async function hasFile(folder: Folder, file: string): Promise<boolean> {
  if (folder.has) return folder.has(file)
  const source = await folder.open(file)
  await source?.close()
  return source !== undefined
}

/**
 * The whole of a file as text, or undefined when it is missing.
 * @throws FileError when it is longer than `maxBytes` (64 MiB unless told) or not UTF-8
 */
export async function readText(folder: Folder, file: string, maxBytes = 64 * 2 ** 20): Promise<string | undefined> {
  const source = await folder.open(file)
  if (source === undefined) return undefined
  try {
    if (source.size > maxBytes) {
      throw new FileError(
        'file-too-large',
        `${source.name}: ${source.size} bytes, at most ${maxBytes} are read as text`,
      )
    }
    const bytes = await source.read(0, source.size)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new FileError('not-utf8', `${source.name}: not valid UTF-8 text`, { cause: error })
  } finally {
    await source.close()
  }
}

/** As {@link readText}, but a missing file is a FileError that says what it is for. */
export async function requireText(folder: Folder, file: string, purpose: string): Promise<string> {
  const text = await readText(folder, file)
  if (text === undefined) throw missingFile(folder, file, purpose)
  return text
}

export function missingFile(folder: Folder, file: string, purpose: string): FileError {
  return new FileError(
    'file-not-found',
    `${folder.name}: there is no ${file}, which ${purpose}${folder.hint?.() ?? ''}`,
  )
}

function folderAt(location: string | URL): Folder {
  const url = asUrl(location)
  if (url === undefined || url.protocol === 'file:') return diskFolder(url ?? String(location))
  return urlFolder(url)
}

function asUrl(location: string | URL): URL | undefined {
  if (location instanceof URL) return location
  if (/^(https?|file):/.test(location)) return new URL(location)
  return typeof document === 'undefined' ? undefined : new URL(location, document.baseURI)
}

/** A folder on disk; Node only. */
function diskFolder(path: string | URL): Folder {
  const name = path instanceof URL ? decodeURIComponent(path.pathname) : path
  return {
    name: name.replace(/(?<=.)\/+$/, ''),
    open: async (file) => {
      const { openFile } = await import('./node-file.js')
      return openFile(path, file)
    },
  }
}

/** A folder behind http(s). Ranges are asked for; a server that ignores them is read once and kept. */
function urlFolder(base: URL): Folder {
  const root = base.href.endsWith('/') ? base.href : `${base.href}/`
  return { name: root.slice(0, -1), open: (file) => openUrl(root + file.split('/').map(encodeURIComponent).join('/')) }
}

async function openUrl(url: string): Promise<ByteSource | undefined> {
  const head = await request(url, { method: 'HEAD' })
  if (head.status === 404) return undefined
  if (!head.ok) throw new FileError('http-error', `${url}: the server answered ${head.status} ${head.statusText}`)
  const length = head.headers.get('content-length')
  const compressed = head.headers.get('content-encoding') !== null
  if (length === null || compressed || head.headers.get('accept-ranges') !== 'bytes') return wholeUrl(url)
  const size = Number(length)
  return {
    name: url,
    size,
    read: async (start, end) => {
      checkRange(url, start, end, size)
      if (start === end) return new Uint8Array(0)
      const response = await request(url, { headers: { range: `bytes=${start}-${end - 1}` } })
      if (response.status !== 206) {
        throw new FileError(
          'http-error',
          `${url}: asked for bytes ${start} to ${end}, the server answered ${response.status}`,
        )
      }
      return exactLength(url, new Uint8Array(await response.arrayBuffer()), end - start)
    },
    close: async () => {},
  }
}

async function wholeUrl(url: string): Promise<ByteSource> {
  const response = await request(url, {})
  if (!response.ok)
    throw new FileError('http-error', `${url}: the server answered ${response.status} ${response.statusText}`)
  return bytesSource(await response.arrayBuffer(), url)
}

async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    throw new FileError('http-error', `${url}: the request failed; check the address and the connection`, {
      cause: error,
    })
  }
}

function exactLength(name: string, bytes: Uint8Array, wanted: number): Uint8Array {
  if (bytes.length === wanted) return bytes
  throw new FileError('short-read', `${name}: got ${bytes.length} of ${wanted} bytes`)
}
