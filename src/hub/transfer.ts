/**
 * The bytes of one file into the cache: what is missing is asked for, what breaks off or stalls is taken up again, and what has come is
 * compared with what the hub said before it gets its name.
 */
import type { HubCache, PartialContent } from './cache.js'
import { isContentOf } from './content-hash.js'
import { HubError } from './errors.js'
import type { HubFile } from './locate.js'
import { isNode, type DownloadProgress, type HubSettings } from './options.js'
import { hubRequest, type HubResponse } from './request.js'
import { inTime, pause, throwIfAborted, waitFor } from './retry.js'

/** Tries in a row that bring no byte. */
const TRIES = 5

export interface TransferOptions {
  readonly repository: string
  readonly settings: HubSettings
  readonly onDownload?: (progress: DownloadProgress) => void
  readonly signal?: AbortSignal
}

/** @throws HubError, AbortedError; whatever has arrived by then is left for the next try */
export async function transfer(url: string, found: HubFile, cache: HubCache, options: TransferOptions): Promise<void> {
  const partial = await cache.begin(found)
  try {
    const resumed = partial.length > 0
    await complete(url, found, partial, options)
    let right = await isContentOf(found, partial.read(), cache.createHash)
    if (!right && resumed) {
      // the beginning is from an earlier time: it may be what is wrong
      await partial.restart()
      await complete(url, found, partial, options)
      right = await isContentOf(found, partial.read(), cache.createHash)
    }
    if (!right) {
      await partial.restart()
      throw new HubError(
        'hub-hash',
        `${options.repository}: ${found.file} does not have the hash that the hub announced (${found.etag}); nothing of it is kept. Try again, and doubt the connection or the mirror if that does not help`,
      )
    }
    await partial.keep()
  } finally {
    await partial.release()
  }
}

async function complete(url: string, found: HubFile, partial: PartialContent, options: TransferOptions): Promise<void> {
  const { repository, settings, signal, onDownload } = options
  if (partial.length > found.size) await partial.restart()
  const report = () => onDownload?.({ file: found.file, loaded: partial.length, total: found.size })
  let fruitless = 0
  while (partial.length < found.size) {
    const before = partial.length
    const answer = await hubRequest(url, settings, { repository, signal, from: before, answers: [416] })
    if (answer.response.status === 416) await refuseRange(answer, partial)
    else await receive(url, found, partial, answer, report, options)
    fruitless = partial.length > before ? 0 : fruitless + 1
    if (fruitless === TRIES) {
      throw new HubError(
        'hub-interrupted',
        `${repository}: ${url} breaks off after ${partial.length} of ${found.size} bytes, every time; what has come is kept, try again later`,
      )
    }
    if (fruitless > 0) await pause(waitFor(answer.response, fruitless), signal, repository)
  }
  report()
}

/** The server has nothing from there on: what is here is of another file. */
async function refuseRange({ response }: HubResponse, partial: PartialContent): Promise<void> {
  await response.body?.cancel()
  await partial.restart()
}

/** Takes what comes until it ends or breaks off. */
async function receive(
  url: string,
  found: HubFile,
  partial: PartialContent,
  answer: HubResponse,
  report: () => void,
  { repository, settings, signal }: TransferOptions,
): Promise<void> {
  const { response } = answer
  const body = response.body?.getReader()
  if (!body) return
  try {
    const start = startOf(response) ?? partial.length
    if (start !== partial.length) {
      if (start !== 0) throw misplaced(url, partial, response)
      await partial.restart() // the server does not answer ranges: from the beginning then
    }
    const announced = announcedSize(response, start)
    if (announced !== undefined && announced !== found.size) throw wrongSize(repository, found, `${announced}`)
    for (;;) {
      // a connection that breaks off or stalls is an end like another: the bytes that are missing are asked for again
      const piece = inTime(settings.stallSeconds, () => body.read())
      const { done, value } = await piece.catch(() => ({ done: true, value: undefined }) as const)
      throwIfAborted(signal, repository)
      if (done) return
      if (partial.length + value.length > found.size) {
        await partial.restart()
        throw wrongSize(repository, found, 'more')
      }
      await partial.append(value)
      report()
    }
  } finally {
    await body.cancel().catch(() => {})
  }
}

/** First byte of what a response holds; undefined where a page is not shown the header that says it. */
function startOf(response: Response): number | undefined {
  if (response.status !== 206) return 0
  const range = response.headers.get('content-range')
  return range === null ? undefined : Number(/^bytes (\d+)-/.exec(range)?.[1])
}

/** Size of the whole file by a response's headers. A page is not shown whether the body was compressed on its way. */
function announcedSize(response: Response, start: number): number | undefined {
  if (!isNode() || response.headers.get('content-encoding') !== null) return undefined
  const [, total] = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? []
  const length = response.headers.get('content-length')
  if (total !== undefined) return Number(total)
  return length === null ? undefined : start + Number(length)
}

function wrongSize(repository: string, found: HubFile, sent: string): HubError {
  return new HubError(
    'hub-size',
    `${repository}: the hub announced ${found.size} bytes for ${found.file}, the server sends ${sent}; try again, and doubt the mirror or a proxy if that does not help`,
  )
}

function misplaced(url: string, partial: PartialContent, response: Response): HubError {
  return new HubError(
    'hub-http-error',
    `${url}: asked for bytes from ${partial.length} on, the server sends "${response.headers.get('content-range')}"`,
  )
}
