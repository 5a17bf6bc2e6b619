/**
 * @huggingface/transformers (transformers.js). In Node it runs on onnxruntime-node; a page gets onnxruntime-web. A runtime that the host
 * offers under `Symbol.for('onnxruntime')` is taken instead, which is how a second copy of the library runs on WebAssembly here.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolder, PEERS_FOLDER, PeerMissing } from './install.js'
import type { OnnxRuntime } from './onnx-runtime.js'

/** texts -> [texts, dimension] */
export type FeatureExtraction = (
  texts: readonly string[],
  options: { pooling: 'mean'; normalize: boolean },
) => Promise<{ readonly data: Float32Array }>

interface TransformersModule {
  readonly env: { allowRemoteModels: boolean; localModelPath: string; useWasmCache: boolean }
  pipeline(task: string, model: string, options: object): Promise<FeatureExtraction & { dispose(): Promise<unknown> }>
}

/** Models lie here, a folder each, as transformers.js wants them. */
export const MODELS_FOLDER = join(PEERS_FOLDER, 'models')

const RUNTIME = Symbol.for('onnxruntime')

/** transformers.js on one of the runtimes. @throws PeerMissing */
export async function loadTransformers(runtime: OnnxRuntime): Promise<TransformersModule> {
  const folder = await packageFolder('@huggingface/transformers')
  const { href } = pathToFileURL(join(folder, 'dist', 'transformers.node.mjs'))
  const host = globalThis as { [RUNTIME]?: unknown }
  const wasmPaths = runtime.module.env.wasm?.wasmPaths
  try {
    if (runtime.name === 'onnxruntime-web') host[RUNTIME] = runtime.module
    const module = (await import(`${href}?${runtime.name}`)) as TransformersModule
    module.env.allowRemoteModels = false
    module.env.localModelPath = `${MODELS_FOLDER}/`
    module.env.useWasmCache = false
    if (runtime.name === 'onnxruntime-web') runtime.module.env.wasm.wasmPaths = wasmPaths // it had set a CDN's address
    return module
  } catch (error) {
    throw new PeerMissing(`@huggingface/transformers does not load: ${(error as Error).message}`)
  } finally {
    Reflect.deleteProperty(host, RUNTIME)
  }
}

/** Sentence embeddings by a model in {@link MODELS_FOLDER}. */
export async function featureExtraction(
  runtime: OnnxRuntime,
  model: string,
  dtype: 'fp32' | 'q8',
): Promise<FeatureExtraction> {
  const { pipeline } = await loadTransformers(runtime)
  return pipeline('feature-extraction', model, {
    dtype,
    // "auto" is what is left in Node when the runtime came from outside: the runtime's own choice, WebAssembly
    device: runtime.name === 'onnxruntime-node' ? 'cpu' : 'auto',
    session_options: runtime.sessionOptions(),
  })
}
