/**
 * Texts to vectors, as sentence-transformers does it: modules.json names the steps, 1_Pooling/config.json the pooling,
 * sentence_bert_config.json the longest text. Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084.
 */
import type { Backend } from '../../backends/index.js'
import { ConfigError, InputError } from '../../errors.js'
import { checkpoint } from '../../event-loop.js'
import { readText, requireText, subfolder, type Folder, type FolderLike } from '../../files/folder.js'
import { JsonObject, parseJson } from '../../files/json.js'
import { isPlainPath } from '../../files/plain-path.js'
import { openPretrained } from '../../hub/index.js'
import { pool, type PoolingMode, type PoolingOptions } from '../../layers/index.js'
import { encoderFamilyOf, type FromPretrainedOptions, type TextEncoder } from '../../models/index.js'
import { toIds } from '../../models/inputs.js'
import { loadModel } from '../../models/model.js'
import { rowMajor } from '../../tensor/ops/float.js'
import { AutoTokenizer, type Tokenizer } from '../../tokenizer/index.js'
import { encoderHash, type EncoderIdentity } from './encoder-identity.js'

export interface EmbedOptions {
  /** Texts that are computed together; 32 unless told. */
  readonly batchSize?: number
  /** Read only the first `maxLength` tokens of a longer text, in place of throwing. */
  readonly truncate?: boolean
  readonly signal?: AbortSignal
  /** Called after each batch with the number of texts done and of all. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface SentenceEncoderOptions extends FromPretrainedOptions {
  /** How the states of a text become one vector. Needed for a folder without modules.json; goes before what that file says. */
  readonly pooling?: PoolingMode
  /** Scale vectors to length 1; false unless told. Only with `pooling`. */
  readonly normalize?: boolean
}

export class SentenceEncoder {
  readonly #model: TextEncoder
  readonly #pooling: PoolingOptions
  readonly tokenizer: Tokenizer
  readonly #folder: Folder
  #hash: Promise<string> | undefined
  /** Folder or URL that it came from; an index remembers it. */
  readonly name: string
  /** Length of a vector. */
  readonly dimension: number
  /** Most tokens of a text, special ones included. */
  readonly maxLength: number

  private constructor(folder: Folder, model: TextEncoder, tokenizer: Tokenizer, settings: SentenceSettings) {
    this.name = folder.name.split('/').at(-1)!
    this.#folder = folder
    this.#model = model
    this.tokenizer = tokenizer
    this.#pooling = settings.pooling
    this.dimension = settings.dimension
    this.maxLength = settings.maxLength
  }

  /** Loads a sentence-transformers folder or such a model from a hub, or with `pooling` the folder of any encoder. */
  static async fromPretrained(location: FolderLike, options: SentenceEncoderOptions = {}): Promise<SentenceEncoder> {
    const { pooling, normalize = false, ...loadOptions } = options
    if (pooling !== undefined && !POOLINGS.includes(pooling)) {
      throw new InputError('bad-option', `pooling is "${pooling}", expected one of ${POOLINGS.join(', ')}`)
    }
    const folder = await openPretrained(location, loadOptions)
    const settings = await readSettings(folder, pooling && { mode: pooling, normalize })
    const tokenizer = await AutoTokenizer.fromPretrained(folder, loadOptions)
    const model = await loadModel<TextEncoder>(
      folder,
      (config, weights, generation) => {
        const { textEncoder, modelType } = encoderFamilyOf(config)
        if (!textEncoder) throw new ConfigError('unknown-family', `${config.where}: ${modelType} is not a text encoder`)
        return textEncoder(config, weights, generation)
      },
      loadOptions,
    )
    const maxLength = Math.min(settings.maxLength, model.maxLength ?? Infinity)
    return new SentenceEncoder(folder, model, tokenizer, { ...settings, maxLength })
  }

  /** Where the encoder's kernels run. */
  get backend(): Backend {
    return this.#model.backend
  }

  /** What an index of this encoder's vectors remembers it by. Reads the weights once more, the first time. */
  async identity(): Promise<EncoderIdentity> {
    const { mode: pooling, normalize } = this.#pooling
    return { name: this.name, hash: await (this.#hash ??= encoderHash(this.#folder)), pooling, normalize }
  }

  /** Gives back the model's memory. */
  dispose(): void {
    this.#model.dispose()
  }

  /** Token ids of a text, as the encoder reads it. @throws InputError when it is too long */
  tokenize(text: string): readonly number[] {
    return this.tokenizer.encode(text, { maxLength: this.maxLength }).ids
  }

  /** Whether a text is no longer than the encoder reads. */
  fits(text: string): boolean {
    const { maxLength } = this
    const cut = { maxLength: maxLength + 1, truncate: true }
    return text.length <= maxLength * 100 && this.tokenizer.encode(text, cut).ids.length <= maxLength
  }

  /** Tokens of a text, special ones included, however long it is. */
  countTokens(text: string): number {
    return this.tokenizer.encode(text).ids.length
  }

  /**
   * A vector for each text: [texts, dimension], row-major. Texts are computed in batches of similar length; a vector does not depend on
   * its batch.
   * @throws InputError for a text of more than maxLength tokens, unless `truncate` is set
   */
  async embed(texts: readonly string[], options: EmbedOptions = {}): Promise<Float32Array> {
    const { batchSize = 32, truncate = false, signal, onProgress } = options
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw new InputError('bad-option', `embed: batchSize is ${batchSize}, expected a whole number of 1 or more`)
    }
    const vectors = new Float32Array(texts.length * this.dimension)
    const byLength = texts.map((_, index) => index).sort((a, b) => texts[a].length - texts[b].length)
    for (let start = 0; start < texts.length; start += batchSize) {
      await checkpoint(signal, 'the embedding')
      const batch = byLength.slice(start, start + batchSize)
      const encoded = await this.tokenizer.encodeEach(
        batch.map((index) => texts[index]),
        { maxLength: this.maxLength, truncate, signal },
      )
      const { lastHiddenState } = await this.#model.forward(encoded, { signal }) // [batch, seq, dimension]
      const pooled = rowMajor(pool(lastHiddenState, toIds('attentionMask', encoded.attentionMask), this.#pooling)) // [batch, dimension]
      batch.forEach((index, row) => {
        vectors.set(pooled.subarray(row * this.dimension, (row + 1) * this.dimension), index * this.dimension)
      })
      onProgress?.(start + batch.length, texts.length)
    }
    return vectors
  }
}

interface SentenceSettings {
  readonly pooling: PoolingOptions
  readonly dimension: number
  readonly maxLength: number
}

/** What families call the size of their states. */
const WIDTHS = ['hidden_size', 'd_model', 'dim']

/** Kinds of modules, by the last part of their Python class name. */
const STEPS = ['Transformer', 'Pooling', 'Normalize']

async function readSettings(folder: Folder, given: PoolingOptions | undefined): Promise<SentenceSettings> {
  const limits = await readText(folder, 'sentence_bert_config.json')
  const config = JsonObject.parse(
    await requireText(folder, 'config.json', 'describes the model'),
    `${folder.name}/config.json`,
  )
  const width = config.integer(WIDTHS.find((key) => config.has(key)) ?? 'hidden_size')
  const pooling = given ?? (await readPooling(folder, width))
  const positions = config.integer('max_position_embeddings', { fallback: 512 })
  const maxLength =
    limits === undefined
      ? positions
      : JsonObject.parse(limits, `${folder.name}/sentence_bert_config.json`).integer('max_seq_length', {
          fallback: positions,
        })
  return { pooling, dimension: width, maxLength: Math.min(maxLength, positions) }
}

/** The pooling that modules.json names, of states of this width. */
async function readPooling(folder: Folder, width: number): Promise<PoolingOptions> {
  const where = `${folder.name}/modules.json`
  const purpose = 'a sentence-transformers folder has; for a plain encoder say which pooling: mean or cls'
  const modules = parseJson(await requireText(folder, 'modules.json', purpose), where)
  if (!Array.isArray(modules)) throw new ConfigError('config-type', `${where}: expected a list`)
  const steps = modules.map((module) => new JsonObject(module, where))
  const kinds = steps.map((step) => step.string('type').split('.').at(-1)!)
  const unknown = kinds.find((kind, i) => kind !== STEPS[i])
  if (unknown || kinds.length < 2) {
    throw new ConfigError(
      'unsupported-modules',
      `${where}: steps ${kinds.join(', ')}; supported are Transformer, Pooling and then Normalize`,
    )
  }
  const path = steps[1].string('path')
  if (!isPlainPath(path)) {
    throw new ConfigError('unsupported-modules', `${where}: ${JSON.stringify(path)} is not a part of this folder`)
  }
  const poolingFolder = subfolder(folder, path)
  const poolingWhere = `${poolingFolder.name}/config.json`
  const pooling = JsonObject.parse(
    await requireText(poolingFolder, 'config.json', 'describes the pooling'),
    poolingWhere,
  )
  const dimension = pooling.integer('word_embedding_dimension')
  if (dimension !== width) {
    throw new ConfigError(
      'config-type',
      `${poolingWhere}: vectors of ${dimension} from a model whose states have ${width}`,
    )
  }
  return { mode: poolingMode(pooling), normalize: kinds[2] === 'Normalize' }
}

const POOLINGS: readonly PoolingMode[] = ['mean', 'cls']
const MODES: Readonly<Record<string, PoolingMode>> = { pooling_mode_cls_token: 'cls', pooling_mode_mean_tokens: 'mean' }

function poolingMode(config: JsonObject): PoolingMode {
  const chosen = config.keys().filter((key) => key.startsWith('pooling_mode_') && config.get(key) === true)
  const mode = chosen.length === 1 ? MODES[chosen[0]] : undefined
  if (mode) return mode
  throw new ConfigError(
    'unsupported-pooling',
    `${config.where}: ${chosen.join(', ') || 'no pooling mode'}; supported is one of ${Object.keys(MODES).join(', ')}`,
  )
}
