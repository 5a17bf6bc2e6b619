/**
 * onnxruntime, native (onnxruntime-node) and in WebAssembly (onnxruntime-web): sessions from models that lie in memory. Both have the
 * same interface, of which this declares what the bench uses.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolder, PeerMissing, requirePeer } from './install.js'

export type OrtType = 'float32' | 'int32' | 'int64'

export interface OrtTensor {
  readonly data: Float32Array | Int32Array | BigInt64Array
  readonly dims: readonly number[]
  dispose(): void
}

export interface OrtSession {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Record<string, OrtTensor>>
  release(): Promise<void>
}

interface OrtModule {
  readonly env: {
    logLevel?: string
    wasm: { numThreads?: number; wasmPaths?: string }
  }
  readonly Tensor: new (type: OrtType, data: OrtTensor['data'], dims: readonly number[]) => OrtTensor
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<OrtSession> }
}

export type RuntimeName = 'onnxruntime-node' | 'onnxruntime-web'

export class OnnxRuntime {
  readonly name: RuntimeName
  readonly module: OrtModule
  readonly #threads: number

  private constructor(name: RuntimeName, module: OrtModule, threads: number) {
    this.name = name
    this.module = module
    this.#threads = threads
  }

  /** @throws PeerMissing */
  static async load(name: RuntimeName, threads: number): Promise<OnnxRuntime> {
    if (name === 'onnxruntime-node') return new OnnxRuntime(name, await requirePeer<OrtModule>(name), threads)
    const folder = join(await packageFolder(name), 'dist')
    const address = pathToFileURL(join(folder, 'ort.node.min.mjs')).href
    const module = await import(address).then(
      (loaded: OrtModule) => loaded,
      (error: Error) => {
        throw new PeerMissing(`${name} does not load: ${error.message}`)
      },
    )
    module.env.wasm.numThreads = threads
    module.env.wasm.wasmPaths = `${pathToFileURL(folder).href}/`
    return new OnnxRuntime(name, module, threads)
  }

  session(model: Uint8Array): Promise<OrtSession> {
    return this.module.InferenceSession.create(model, this.sessionOptions())
  }

  /** Error messages only, and the threads that the bench was told. */
  sessionOptions(): object {
    return { intraOpNumThreads: this.#threads, interOpNumThreads: 1, logSeverityLevel: 3 }
  }

  floats(data: Float32Array, dims: readonly number[]): OrtTensor {
    return new this.module.Tensor('float32', data, dims)
  }

  int32s(values: readonly number[], dims: readonly number[]): OrtTensor {
    return new this.module.Tensor('int32', Int32Array.from(values), dims)
  }

  ids(values: ArrayLike<number>, dims: readonly number[]): OrtTensor {
    return new this.module.Tensor('int64', BigInt64Array.from(Array.from(values, BigInt)), dims)
  }
}
