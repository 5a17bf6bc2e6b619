/**
 * The models that the engine holds: the sentence encoder and the corpus beside the page, and a reader, which is the one beside the
 * page or one that a person dropped there; and, once it was asked for, the span reader beside the page. They share one backend, and go
 * with it.
 */
import {
  FileError,
  memoryFolder,
  QuotingReader,
  Reader,
  Retriever,
  SentenceEncoder,
  SpanReader,
  type Backend,
  type Folder,
} from 'glassformer'
import { requireText, subfolder } from '../../src/files/folder.js'
import { JsonObject } from '../../src/files/json.js'
import { familyOf, type FromPretrainedOptions } from '../../src/models/index.js'
import { judgementOf } from '../../src/rag/reading/quoting-reader.js'
import { openCheckpoint, widenQuantized } from '../../src/safetensors/index.js'
import { DEFAULT_WEIGHTS } from '../../src/shipped-files.js'
import type { BackendName, ModelInfo, ModelSource, Progress, ReaderInfo } from '../protocol.js'
import { startBackend } from './backends.js'
import { describeModel } from './describe.js'
import { downloadModels } from './download.js'
import { TextModel } from './text-model.js'

export interface LoadOptions {
  readonly onProgress: (progress: Progress) => void
  readonly signal: AbortSignal
  /** Whether the default models were loaded before, on another backend. */
  readonly again?: boolean
}

/** What answers, and what is said of it. */
export interface LoadedReader {
  readonly reader: Reader
  readonly info: ReaderInfo
}

/** The default reader as the pipeline has it: one that words an answer, and one that quotes. */
export interface LoadedQuoting {
  readonly reader: QuotingReader
  /** Of the span reader. */
  readonly info: ReaderInfo
}

interface Dropped {
  readonly reader?: LoadedReader
  readonly textModel?: TextModel
}

export class Models {
  readonly backend: Backend
  readonly retriever: Retriever
  readonly #info: Omit<ModelInfo, 'reader' | 'isDefault' | 'textModel'>
  readonly #default: LoadedReader
  readonly #dtype: 'int8' | undefined
  #dropped: Dropped = {}
  #quoting: Promise<LoadedQuoting> | undefined
  #loadedQuoting: LoadedQuoting | undefined
  /** Of those who wait for the span reader, the last. */
  #onQuoting: (progress: Progress) => void = () => {}

  private constructor(
    backend: Backend,
    retriever: Retriever,
    reader: LoadedReader,
    info: Omit<ModelInfo, 'reader' | 'isDefault' | 'textModel'>,
    dtype: 'int8' | undefined,
  ) {
    this.backend = backend
    this.retriever = retriever
    this.#default = reader
    this.#info = info
    this.#dtype = dtype
  }

  /** Downloads and loads what lies beside the page. @throws GlassformerError where the backend cannot run */
  static async load(name: BackendName, { onProgress, signal, again }: LoadOptions): Promise<Models> {
    const backend = await startBackend(name)
    try {
      const downloaded = await downloadModels(DEFAULT_WEIGHTS, 'Downloading the models', { onProgress, signal, again })
      const { folder, dtype: stored, spanReader } = downloaded
      const encoderFolder = subfolder(folder, 'all-MiniLM-L6-v2')
      // the GPU has no product of integers: matrices in 8 bits become float32 there
      const isGpu = backend.name === 'gpu'
      const dtype = isGpu ? undefined : stored
      const options = { backend, dtype, signal }
      const load = (what: string) => ({
        ...options,
        onProgress: (done: number, total: number) => onProgress({ what, done, total }),
      })
      const encoder = await SentenceEncoder.fromPretrained(encoderFolder, load('Loading the sentence encoder'))
      const reader = await loadReader(subfolder(folder, 'reader'), 'reader', load('Loading the reader'))
      const retriever = await Retriever.fromPretrained(subfolder(folder, 'world-facts'), encoder)
      const config = await readConfig(encoderFolder)
      const info = {
        encoder: { name: encoder.name, dimension: encoder.dimension, numLayers: config.integer('num_hidden_layers') },
        corpus: { name: 'world-facts', passages: retriever.passages.length },
        backend: {
          name: isGpu ? name : (backend.name as BackendName),
          description: backend.describe(),
          isInt8: dtype === 'int8',
        },
        spanReader: spanReader === undefined ? undefined : { bytes: spanReader },
      }
      return new Models(backend, retriever, reader, info, dtype)
    } catch (error) {
      backend.dispose()
      throw error
    }
  }

  dispose(): void {
    this.#dropped.reader?.reader.dispose()
    this.#dropped.textModel?.dispose()
    this.#loadedQuoting?.reader.quoting.dispose() // the wording reader in it is the default one
    this.#default.reader.dispose()
    this.retriever.encoder.dispose()
    this.backend.dispose()
  }

  /** Whether the default reader answers. */
  get isDefault(): boolean {
    return this.#dropped.reader === undefined
  }

  /** The default reader with the span reader beside it, which is downloaded when it is first asked for; whoever stops waiting does not stop that. */
  quoting(onProgress: (progress: Progress) => void): Promise<LoadedQuoting> {
    this.#onQuoting = onProgress
    return (this.#quoting ??= this.#loadQuoting().catch((error: unknown) => {
      this.#quoting = undefined
      throw error
    }))
  }

  async #loadQuoting(): Promise<LoadedQuoting> {
    const onProgress = (progress: Progress) => this.#onQuoting(progress)
    const { folder } = await downloadModels(DEFAULT_WEIGHTS, 'Downloading the span reader', { onProgress })
    const judgement = await requireText(folder, 'calibration.json', 'says how sure each reader has to be')
    const own = subfolder(folder, 'span-reader')
    const quoting = await SpanReader.fromPretrained(own, {
      backend: this.backend,
      dtype: this.#dtype,
      onProgress: (done, total) => onProgress({ what: 'Loading the span reader', done, total }),
    })
    const { model, tokenizer } = quoting
    const family = (await readConfig(own)).string('model_type')
    const named = { name: 'span-reader', family, parameters: await countParameters(own) }
    return (this.#loadedQuoting = {
      reader: new QuotingReader(
        this.#default.reader,
        quoting,
        judgementOf(JsonObject.parse(judgement, 'calibration.json')),
      ),
      info: { ...describeModel(model, tokenizer, named), vocabSize: tokenizer.vocabSize },
    })
  }

  /** The reader that answers. */
  get reader(): Reader {
    return (this.#dropped.reader ?? this.#default).reader
  }

  /** A dropped model that cannot answer. */
  get textModel(): TextModel | undefined {
    return this.#dropped.textModel
  }

  get info(): ModelInfo {
    const { reader = this.#default, textModel } = this.#dropped
    return { reader: reader.info, isDefault: this.isDefault, textModel: textModel?.info, ...this.#info }
  }

  /** Takes a dropped model beside the default ones, or only those again. On an error all stays as it was. */
  async use(source: ModelSource, { onProgress, signal }: LoadOptions): Promise<void> {
    const next =
      source.kind === 'default'
        ? {}
        : await loadAny(pickedFolder(source), source.name, {
            backend: this.backend,
            signal,
            onProgress: (done, total) => onProgress({ what: `Loading ${source.name}`, done, total }),
          })
    this.#dropped.reader?.reader.dispose()
    this.#dropped.textModel?.dispose()
    this.#dropped = next
  }
}

/** The folder that was dropped: its files by name, without the folders that they lie in. */
function pickedFolder({ name, files }: Extract<ModelSource, { kind: 'files' }>): Folder {
  const depth = (path: string) => path.split('/').length
  const configs = files.filter(({ path }) => path.split('/').at(-1) === 'config.json')
  // the modules of a sentence encoder lie below it, each with a config.json of its own
  const [config] = configs.sort((a, b) => depth(a.path) - depth(b.path))
  if (!config) {
    throw new FileError(
      'file-not-found',
      `${name}: there is no config.json; drop the whole folder of a Hugging Face model, with config.json, tokenizer.json and model.safetensors`,
    )
  }
  const root = config.path.slice(0, -'config.json'.length)
  const inFolder = files.filter(({ path }) => path.startsWith(root))
  return memoryFolder(new Map(inFolder.map(({ path, file }) => [path.slice(root.length), file])), name)
}

async function readConfig(folder: Folder): Promise<JsonObject> {
  return JsonObject.parse(await requireText(folder, 'config.json', 'describes the model'), `${folder.name}/config.json`)
}

/** A folder of any supported family: an encoder-decoder answers, another model only reads a text. */
async function loadAny(folder: Folder, name: string, options: FromPretrainedOptions): Promise<Dropped> {
  const { modelType: family, seq2seqLM } = familyOf(await readConfig(folder))
  if (seq2seqLM) return { reader: await loadReader(folder, name, options) }
  const parameters = await countParameters(folder)
  return { textModel: await TextModel.load(folder, { name, family, parameters }, options) }
}

async function loadReader(folder: Folder, name: string, options: FromPretrainedOptions): Promise<LoadedReader> {
  const family = (await readConfig(folder)).string('model_type')
  const parameters = await countParameters(folder)
  const reader = await Reader.fromPretrained(folder, options)
  return { reader, info: describeModel(reader.model, reader.tokenizer, { name, family, parameters }) }
}

/** Numbers in the checkpoint. */
async function countParameters(folder: Folder): Promise<number> {
  const checkpoint = widenQuantized(await openCheckpoint(folder))
  await checkpoint.close()
  const sizes = [...checkpoint.tensors.values()].map(({ shape }) => shape.reduce((product, size) => product * size, 1))
  return sizes.reduce((sum, size) => sum + size, 0)
}
