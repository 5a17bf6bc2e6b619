/**
 * A hub in this process: what https://huggingface.co answers for one model, with large files on another host, and with as many faults as
 * a test asks for.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export const REPOSITORY = 'some-org/tiny-model'
export const COMMIT = 'c0ffee0123456789c0ffee0123456789c0ffee01'

export interface HubRequestSeen {
  readonly host: 'hub' | 'storage'
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly range: string | undefined
  readonly authorization: string | undefined
}

/** Answers in the place of the hub, or returns false. */
export type Fault = (request: HubRequestSeen, response: ServerResponse, content: Uint8Array | undefined) => boolean

export interface FakeHub {
  /** The endpoint. */
  readonly url: string
  readonly requests: HubRequestSeen[]
  readonly files: Map<string, Uint8Array>
  commit: string
  /** Asked first for every request. */
  fault: Fault | undefined
  /** Answers a request under `url`, for tests that have a server of their own. */
  answer(request: IncomingMessage, response: ServerResponse): void
  close(): Promise<void>
}

/** All files of a folder on disk, by path. */
export function filesOf(folder: string): Map<string, Uint8Array> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = names.filter((name) => statSync(join(folder, name)).isFile())
  return new Map(files.map((name) => [name.replaceAll('\\', '/'), new Uint8Array(readFileSync(join(folder, name)))]))
}

export const isLarge = (file: string) => file.endsWith('.safetensors')

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The id that git gives to a file. */
export function gitId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
}

export const etagOf = (file: string, bytes: Uint8Array) => (isLarge(file) ? sha256(bytes) : gitId(bytes))

/** Content by range, as storage sends it. */
export function sendContent({ method, range }: HubRequestSeen, response: ServerResponse, content: Uint8Array): void {
  const [, first] = /^bytes=(\d+)-$/.exec(range ?? '') ?? []
  const start = Number(first ?? 0)
  if (start >= content.length && start > 0) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
    return
  }
  const part = content.subarray(start)
  if (first !== undefined) {
    response.setHeader('content-range', `bytes ${start}-${content.length - 1}/${content.length}`)
  }
  response.writeHead(first === undefined ? 200 : 206, { 'content-length': part.length })
  response.end(method === 'HEAD' ? undefined : part)
}

/**
 * A hub with these files. Given an `origin`, it listens nowhere: its `answer` is for requests below `/hub/` of that origin, its storage
 * included, since a page with a strict policy reaches nothing else.
 */
export async function startHub(files: Map<string, Uint8Array>, origin?: string): Promise<FakeHub> {
  const requests: HubRequestSeen[] = []
  const note = (host: HubRequestSeen['host'], request: IncomingMessage): HubRequestSeen => {
    const path = decodeURIComponent(new URL(request.url!, 'http://localhost').pathname).replace(/^\/hub\//, '/')
    const { range, authorization } = request.headers
    const seen = { host, method: request.method!, path, range, authorization }
    requests.push(seen)
    return seen
  }

  function store(seen: HubRequestSeen, response: ServerResponse): void {
    const content = [...files.values()].find((bytes) => seen.path === `/storage/${sha256(bytes)}`)
    if (hub.fault?.(seen, response, content)) return
    if (content) sendContent(seen, response, content)
    else response.writeHead(404).end()
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const inStorage = /^(\/hub)?\/storage\//.test(request.url!)
    const seen = note(inStorage ? 'storage' : 'hub', request)
    if (inStorage) return store(seen, response)
    const { path } = seen
    const [, revision, file] = new RegExp(`^/${REPOSITORY}/resolve/([^/]+)/(.+)$`).exec(path) ?? []
    const content = file === undefined ? undefined : files.get(file)
    if (hub.fault?.(seen, response, content)) return
    const refuse = (status: number, code: string) => response.writeHead(status, { 'x-error-code': code }).end()
    if (path.startsWith(`/api/models/${REPOSITORY}/revision/`)) {
      const siblings = [...files].map(([rfilename, bytes]) => ({
        rfilename,
        size: bytes.length,
        blobId: gitId(bytes),
        ...(isLarge(rfilename) ? { lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 135 } } : {}),
      }))
      response.setHeader('content-type', 'application/json')
      return void response.end(JSON.stringify({ id: REPOSITORY, sha: hub.commit, siblings }))
    }
    if (file === undefined) return void refuse(401, 'RepoNotFound')
    if (revision !== 'main' && revision !== 'v1' && revision !== hub.commit) return void refuse(404, 'RevisionNotFound')
    response.setHeader('x-repo-commit', hub.commit)
    if (!content) return void refuse(404, 'EntryNotFound')
    if (isLarge(file)) {
      response.setHeader('x-linked-etag', `"${sha256(content)}"`)
      response.setHeader('x-linked-size', content.length)
      return void response.writeHead(302, { location: `${storageUrl}/storage/${sha256(content)}` }).end()
    }
    response.setHeader('etag', `"${gitId(content)}"`)
    sendContent(seen, response, content)
  }

  const servers = origin === undefined ? [createServer(answer), createServer(answer)] : []
  const urls: string[] = []
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  const [hubUrl = `${origin}/hub`, storageUrl = `${origin}/hub`] = urls
  const hub: FakeHub = {
    url: hubUrl,
    requests,
    files,
    commit: COMMIT,
    fault: undefined,
    answer,
    close: async () => {
      for (const server of servers) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
  return hub
}

/** Sends the first bytes of a content and hangs up; `cuts` times, then all is well. */
export function hangUp(after: number, cuts = Infinity): Fault {
  let left = cuts
  return (request, response, content) => {
    if (!content || request.method === 'HEAD' || request.host !== 'storage' || left <= 0) return false
    left--
    const start = Number(/^bytes=(\d+)-$/.exec(request.range ?? '')?.[1] ?? 0)
    if (start > 0) response.setHeader('content-range', `bytes ${start}-${content.length - 1}/${content.length}`)
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': content.length - start })
    response.write(content.subarray(start, start + after), () => response.destroy())
    return true
  }
}
