/**
 * A small static server: the repository's dist/, weights/ and test/goldens/, an empty page, and files given by the test.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export interface ServerOptions {
  /** Sends COOP and COEP, with which a page gets SharedArrayBuffer. */
  readonly isolated?: boolean
  /** Answers Range requests, as most servers do; true unless told. */
  readonly ranges?: boolean
  /** Content-Security-Policy of the page; as strict as one that runs WebAssembly can be, unless told. */
  readonly policy?: string
  /** A folder that is served at the root, before the repository's. */
  readonly site?: string
  /** Files in memory, by path from the root. */
  readonly files?: ReadonlyMap<string, string>
  /** Answers what is below a path of its own, or returns false. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean
}

export interface ServedRequest {
  readonly method: string
  readonly path: string
  readonly range: string | undefined
}

export interface TestServer {
  readonly url: string
  readonly requests: readonly ServedRequest[]
  close(): Promise<void>
}

const ROOT = new URL('../../', import.meta.url)
const SERVED = /^\/(dist|kernels|weights|test\/goldens)\/(?!.*\.\.)/
const PAGE = '<!doctype html><title>glassformer</title><script type="module" src="/page.js"></script>'
/** As strict as a page that runs WebAssembly can be. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
const TYPES: Readonly<Record<string, string>> = {
  '': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const { isolated = false, ranges = true, policy = POLICY, site, files, answer: answerFirst } = options
  const requests: ServedRequest[] = []
  const memory = new Map([['/', PAGE], ['/favicon.ico', ''], ...(files ?? [])])

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (answerFirst?.(request, response)) return
    const path = decodeURIComponent(new URL(request.url!, 'http://localhost').pathname)
    const { range } = request.headers
    requests.push({ method: request.method!, path, range })
    response.setHeader('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream')
    response.setHeader('Content-Security-Policy', policy)
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
    }
    const held = memory.get(path)
    if (held !== undefined) {
      response.end(held)
      return
    }
    const inSite = site === undefined || path.includes('..') ? undefined : pathToFileURL(join(site, path))
    const inRepository = SERVED.test(path) ? new URL(`.${path}`, ROOT) : undefined
    const statOf = (at: URL | undefined) => at && stat(at).catch(() => undefined)
    const file = (await statOf(inSite))?.isFile() ? inSite : inRepository
    const found = await statOf(file)
    if (!file || !found?.isFile()) {
      response.writeHead(404).end()
      return
    }
    const part = ranges ? parseRange(range) : undefined
    const { start, end } = part ?? { start: 0, end: found.size - 1 }
    if (ranges) response.setHeader('Accept-Ranges', 'bytes')
    if (part) response.setHeader('Content-Range', `bytes ${start}-${end}/${found.size}`)
    response.writeHead(part ? 206 : 200, { 'Content-Length': end - start + 1 })
    if (request.method === 'HEAD') response.end()
    else createReadStream(fileURLToPath(file), { start, end }).pipe(response)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function parseRange(range: string | undefined): { start: number; end: number } | undefined {
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
  return start === undefined ? undefined : { start: Number(start), end: Number(end) }
}
