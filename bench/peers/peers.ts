/**
 * The peers, each loaded once, when a group first asks for it.
 */
import type { PeerMode } from '../options.js'
import { Faiss } from './faiss.js'
import { loadGpuJs, type GpuJs } from './gpu-js.js'
import { packageVersion, PeerMissing } from './install.js'
import { OnnxRuntime, type RuntimeName } from './onnx-runtime.js'
import { featureExtraction, type FeatureExtraction } from './transformers-js.js'

const PACKAGES = ['onnxruntime-web', 'onnxruntime-node', '@huggingface/transformers', 'gpu.js']

export class Peers {
  readonly #mode: PeerMode
  readonly #threads: number
  readonly #loaded = new Map<string, Promise<unknown>>()

  constructor(mode: PeerMode, threads: number) {
    this.#mode = mode
    this.#threads = threads
  }

  /** @throws PeerMissing, as the other methods do */
  runtime(name: RuntimeName): Promise<OnnxRuntime> {
    return this.#once(name, () => OnnxRuntime.load(name, this.#threads))
  }

  gpuJs(): Promise<GpuJs> {
    return this.#once('gpu.js', loadGpuJs)
  }

  faiss(): Promise<Faiss> {
    return this.#once('faiss', () => Faiss.start())
  }

  featureExtraction(name: RuntimeName, model: string, dtype: 'fp32' | 'q8'): Promise<FeatureExtraction> {
    return this.#once(`${name} ${model} ${dtype}`, async () =>
      featureExtraction(await this.runtime(name), model, dtype),
    )
  }

  /** Name to version of what is installed. */
  async versions(): Promise<Record<string, string>> {
    const versions: Record<string, string> = {}
    if (this.#mode === 'none') return versions
    for (const name of PACKAGES) {
      const version = await packageVersion(name).catch(() => undefined)
      if (version !== undefined) versions[name] = version
    }
    const faiss = await this.faiss().catch(() => undefined)
    if (faiss) versions['faiss-cpu'] = faiss.version
    return versions
  }

  /** Ends the child processes. */
  async close(): Promise<void> {
    const faiss = this.#loaded.get('faiss') as Promise<Faiss> | undefined
    await faiss?.then(
      (server) => server.close(),
      () => undefined,
    )
  }

  #once<T>(key: string, load: () => Promise<T>): Promise<T> {
    if (this.#mode === 'none') return Promise.reject(new PeerMissing('left out by --peers none'))
    const known = this.#loaded.get(key) as Promise<T> | undefined
    if (known) return known
    const loading = load()
    this.#loaded.set(key, loading)
    return loading
  }
}
