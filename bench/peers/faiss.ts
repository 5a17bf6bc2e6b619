/**
 * faiss-cpu in a Python process: one JSON line for each command, one for each answer. The server keeps time, so that the pipe and the
 * reading of its answer do not count.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { PeerMissing, requirePython } from './install.js'

const SERVER = fileURLToPath(new URL('faiss-server.py', import.meta.url))

export interface FaissAnswer {
  readonly seconds: number
  /** [queries][k] */
  readonly indices: readonly (readonly number[])[]
}

export class Faiss {
  readonly version: string
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(process: ChildProcess, lines: AsyncIterator<string>, version: string) {
    this.#process = process
    this.#lines = lines
    this.version = version
  }

  /** @throws PeerMissing */
  static async start(): Promise<Faiss> {
    const python = await requirePython()
    const environment: NodeJS.ProcessEnv = { ...process.env, OMP_NUM_THREADS: '1' }
    // where a machine holds OpenBLAS back to older instructions, a fair peer may use all of them
    delete environment.OPENBLAS_CORETYPE
    delete environment.OPENBLAS_L2_SIZE
    const child = spawn(python, [SERVER], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environment,
    })
    const errors: string[] = []
    child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const hello = await lines.next()
    if (hello.done) throw new PeerMissing(`faiss-cpu does not load: ${errors.join('').trim().split('\n').at(-1)}`)
    return new Faiss(child, lines, (JSON.parse(hello.value) as { version: string }).version)
  }

  /** Files of row-major float32 vectors and queries, [count, dimension] each. */
  async load(vectors: string, queries: string, dimension: number): Promise<void> {
    await this.#ask({ command: 'load', vectors, queries, dimension })
  }

  /** Searches `count` queries from `start` on, together or one after the other. */
  search(start: number, count: number, k: number, together: boolean): Promise<FaissAnswer> {
    return this.#ask({ command: 'search', start, count, k, together }) as Promise<FaissAnswer>
  }

  close(): void {
    this.#process.stdin?.end()
  }

  async #ask(command: object): Promise<unknown> {
    this.#process.stdin?.write(`${JSON.stringify(command)}\n`)
    const line = await this.#lines.next()
    if (line.done) throw new Error('the faiss server has ended')
    return JSON.parse(line.value) as unknown
  }
}
