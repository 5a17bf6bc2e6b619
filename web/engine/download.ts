/**
 * The files of the default models, which lie beside the page. `files.json` lists them with their sizes, so that progress is that of
 * bytes; a static build stores them gzipped. They are fetched whole and held until the models are loaded. The span reader is fetched
 * apart from the rest, when it is first asked: a short fact can be answered without it.
 */
import { AbortedError, FileError, GlassformerError, memoryFolder, type Folder } from 'glassformer'
import { JsonObject } from '../../src/files/json.js'
import type { Progress } from '../protocol.js'

/** A file as `files.json` lists it. */
interface ListedFile {
  /** In the folder of the models: `reader/config.json`. */
  readonly path: string
  /** What is fetched, and its length in bytes. */
  readonly stored: string
  readonly bytes: number
}

export interface DownloadedModels {
  readonly folder: Folder
  /** What the files were made for: `int8` has matrices in 8 bits. */
  readonly dtype: 'int8' | undefined
  /** Bytes of the span reader as it is fetched; undefined where it does not lie there. */
  readonly spanReader: number | undefined
}

export interface DownloadOptions {
  readonly onProgress: (progress: Progress) => void
  readonly signal?: AbortSignal
  /** Take what the browser still has of the last time, however old it is. */
  readonly again?: boolean
}

const FILES_AT_ONCE = 4

/** The parts of the default models, by what is said of their download. */
const PARTS = {
  'Downloading the models': (path: string) => !isOfSpanReader(path),
  'Downloading the span reader': isOfSpanReader,
}

function isOfSpanReader(path: string): boolean {
  return path.startsWith('span-reader/') || path === 'calibration.json'
}

/** Fetches every file of a part that `files.json` below `base` lists. @throws FileError, ConfigError, AbortedError */
export async function downloadModels(
  base: URL,
  what: keyof typeof PARTS,
  { onProgress, signal, again = false }: DownloadOptions,
): Promise<DownloadedModels> {
  const request: RequestInit = { signal, cache: again ? 'force-cache' : 'default' }
  const { files: listed, dtype } = parseList(await fetchText(new URL('files.json', base), request), base)
  const files = listed.filter(({ path }) => PARTS[what](path))
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  const onBytes = (bytes: number) => onProgress({ what, done: (done += bytes), total })
  const contents = new Map<string, Uint8Array>()
  const waiting = [...files]
  const fetchNext = async (): Promise<void> => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      contents.set(file.path, await gunzip(await fetchBytes(new URL(file.stored, base), request, onBytes)))
    }
  }
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, fetchNext))
  const spanReader = listed.some(({ path }) => path === 'span-reader/config.json')
    ? listed.reduce((sum, { path, bytes }) => sum + (isOfSpanReader(path) ? bytes : 0), 0)
    : undefined
  return { folder: memoryFolder(contents, base.href.replace(/\/$/, '')), dtype, spanReader }
}

function parseList(text: string, base: URL): { files: ListedFile[]; dtype: 'int8' | undefined } {
  const list = JsonObject.parse(text, new URL('files.json', base).href)
  const sizes = list.object('files')
  const gzipped = list.boolean('gzip', false)
  const files = sizes.keys().map((path) => ({
    path,
    stored: gzipped ? `${path}.gz` : path,
    bytes: sizes.integer(path, { min: 0 }),
  }))
  return { files, dtype: list.oneOf('dtype', ['float', 'int8'], 'float') === 'int8' ? 'int8' : undefined }
}

async function fetchText(url: URL, request: RequestInit): Promise<string> {
  return new TextDecoder().decode(await fetchBytes(url, request, () => {}))
}

async function fetchBytes(url: URL, request: RequestInit, onBytes: (bytes: number) => void): Promise<Uint8Array> {
  try {
    const response = await fetch(url, request)
    if (!response.ok) throw new FileError('http-error', `${url.href}: the server answered ${response.status}`)
    const parts: Uint8Array[] = []
    const reader = response.body!.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return joined(parts)
      parts.push(value)
      onBytes(value.length)
    }
  } catch (error) {
    const { signal } = request
    if (signal?.aborted) throw new AbortedError('the download', signal.reason)
    if (error instanceof GlassformerError) throw error
    throw new FileError('http-error', `${url.href}: the request failed; is the server still running?`, { cause: error })
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Unpacks what begins as a gzip file does: some servers send such files unpacked already. */
async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
