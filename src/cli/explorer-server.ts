/**
 * The server behind `glassformer explore`: the page, the kernels and the default models, on the loopback interface alone. What can be
 * asked for is a list that is made at the start, so that no address reaches any other file. `glassformer serve` gives out the same pages.
 */
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'
import { FileError, GlassformerError } from '../errors.js'
import { DEFAULT_WEIGHTS, EXPLORER, KERNELS } from '../shipped-files.js'

const HOST = '127.0.0.1'

/** What the page needs of the default models; not their licences, nor how they were made. */
const MODEL_FILE =
  /^(calibration\.json|(all-MiniLM-L6-v2|reader|span-reader|world-facts)\/.*\.(json|jsonl|bin|safetensors))$/

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl; charset=utf-8',
  '.wasm': 'application/wasm',
}

const HEADERS: Readonly<Record<string, string>> = {
  // with the first two a page gets shared memory, and so threads
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
}

/** Files by the path of their address. */
type Served = ReadonlyMap<string, { readonly url: URL; readonly size: number }>

export interface ExplorerServer {
  readonly address: string
  close(): Promise<void>
}

/** Answers a request for a page or a file of it. */
export type Pages = (request: IncomingMessage, response: ServerResponse) => void

/**
 * @param port 0 for any that is free
 * @throws GlassformerError when the port cannot be had, FileError when the page was not built
 */
export async function startExplorerServer(port: number): Promise<ExplorerServer> {
  const server = createServer(await explorerPages())
  return {
    address: await listen(server, port, HOST),
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/**
 * The page with all that it loads.
 * @param options.api whether the server answers from documents of its own, under /api/; then the page offers them
 * @throws FileError when it was not built
 */
export async function explorerPages({ api = false } = {}): Promise<Pages> {
  const page = await filesBelow(EXPLORER, '/')
  if (!page.has('/index.html')) {
    throw new FileError(
      'not-built',
      `${EXPLORER.pathname}: the page of the explorer is not there; "npm run build" makes it`,
    )
  }
  const weights = await filesBelow(DEFAULT_WEIGHTS, '', MODEL_FILE)
  const list = { files: Object.fromEntries([...weights].map(([path, { size }]) => [path, size])) }
  const served: Served = new Map([
    ...page,
    ['/', page.get('/index.html')!],
    ...(await filesBelow(KERNELS, '/kernels/')),
    ...[...weights].map(([path, file]) => [`/weights/${path}`, file] as const),
  ])
  const made = new Map([['/weights/files.json', JSON.stringify(list)]])
  if (api) {
    const html = await readFile(page.get('/index.html')!.url, 'utf8')
    const telling = html.replace('</head>', '<meta name="glassformer-api" content="api/" /></head>')
    for (const path of ['/', '/index.html']) made.set(path, telling)
  }
  return (request, response) => answer(request, response, served, made)
}

/**
 * Lets a server listen; its address is what is returned.
 * @throws GlassformerError when the host is not of this machine or the port cannot be had
 */
export async function listen(server: Server, port: number, host: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(port, host, error)))
    server.listen(port, host, resolve)
  })
  const name = host.includes(':') ? `[${host}]` : host
  return `http://${name}:${(server.address() as AddressInfo).port}/`
}

function listenError(port: number, host: string, error: NodeJS.ErrnoException): GlassformerError {
  if (['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'].includes(error.code ?? '')) {
    const message = `"${host}" is no address of this machine (${error.code}); choose another one with --host`
    return new GlassformerError('host-refused', message, { cause: error })
  }
  const [code, what] =
    error.code === 'EADDRINUSE'
      ? ['port-taken', 'is taken by another program']
      : ['port-refused', `cannot be used (${error.code})`]
  const advice = 'choose another one with --port, or --port 0 for any that is free'
  return new GlassformerError(code, `port ${port} ${what}; ${advice}`, { cause: error })
}

async function filesBelow(folder: URL, prefix: string, wanted = /^/): Promise<Map<string, { url: URL; size: number }>> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const files = new Map<string, { url: URL; size: number }>()
  for (const name of names.map((name) => name.replaceAll('\\', '/')).sort()) {
    const url = new URL(name.split('/').map(encodeURIComponent).join('/'), folder)
    const found = await stat(url)
    if (found.isFile() && wanted.test(name)) files.set(prefix + name, { url, size: found.size })
  }
  return files
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  served: Served,
  made: ReadonlyMap<string, string>,
): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end()
    return
  }
  const path = request.url!.replace(/\?.*$/, '')
  const text = made.get(path)
  const file = served.get(path)
  if (text === undefined && !file) {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('There is no such file.\n')
    return
  }
  const type = TYPES[extname(path === '/' ? '/index.html' : path)] ?? 'application/octet-stream'
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': text === undefined ? file!.size : Buffer.byteLength(text),
  })
  if (request.method === 'HEAD') response.end()
  else if (text !== undefined) response.end(text)
  else
    createReadStream(file!.url)
      .on('error', () => response.destroy())
      .pipe(response)
}
