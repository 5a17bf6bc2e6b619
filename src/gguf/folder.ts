/**
 * A GGUF as the Hugging Face folder that it was converted from: config.json, tokenizer.json and the rest are made of its metadata when they
 * are asked for, and the tensors are those of the file. So everything that loads a folder loads a GGUF.
 */
import { bytesSource, type ByteSource } from '../files/byte-source.js'
import type { Folder } from '../files/folder.js'
import type { Json, JsonObject } from '../files/json.js'
import type { CheckpointFolder, TensorSource } from '../safetensors/index.js'
import { architectureOf, type GgufModel } from './architectures.js'
import { GgufCheckpoint, ROPE_FACTORS } from './checkpoint.js'
import { metadataFields } from './fields.js'
import { openParts } from './split.js'
import type { GgufFile } from './gguf-file.js'
import { tokenIds, tokenizerConfig, tokenizerJson } from './tokenizer.js'

/** What the folder is made of. */
interface Contents {
  readonly fields: JsonObject
  readonly files: ReadonlyMap<string, () => Json>
}

/** What is wrong with the file is thrown when something of it is opened. */
export class GgufFolder implements CheckpointFolder {
  readonly name: string
  readonly #parent: Folder
  readonly #file: string
  #contents: Promise<Contents> | undefined

  /**
   * @param parent where the file lies, and with it the other parts of a split model
   * @param file its name there, or that of a split model's first part
   */
  constructor(parent: Folder, file: string) {
    this.name = `${parent.name}/${file}`
    this.#parent = parent
    this.#file = file
  }

  async open(file: string): Promise<ByteSource | undefined> {
    const make = (await this.#read()).files.get(file)
    return make && bytesSource(new TextEncoder().encode(JSON.stringify(make())), `${this.name} (as ${file})`)
  }

  async has(file: string): Promise<boolean> {
    return (await this.#read()).files.has(file)
  }

  hint(): string {
    return '; a GGUF has none'
  }

  /** The tensors under their Hugging Face names. @throws GgufError */
  async checkpoint(): Promise<TensorSource> {
    const files = await this.parts()
    try {
      const { fields } = await this.#read()
      const prefix = fields.string('general.architecture')
      const queries = fields.integer(`${prefix}.attention.head_count`)
      const keys = fields.integer(`${prefix}.attention.head_count_kv`, { fallback: queries })
      return new GgufCheckpoint(this.name, files, architectureOf(fields), { queries, keys })
    } catch (error) {
      for (const file of files) await file.close()
      throw error
    }
  }

  /** The file, or all parts of a split one. */
  async parts(): Promise<GgufFile[]> {
    return openParts(this.#parent, this.#file)
  }

  #read(): Promise<Contents> {
    return (this.#contents ??= this.#describe())
  }

  async #describe(): Promise<Contents> {
    const parts = await this.parts()
    try {
      return await contentsOf(parts, this.name)
    } finally {
      for (const part of parts) await part.close()
    }
  }
}

async function contentsOf(parts: readonly GgufFile[], where: string): Promise<Contents> {
  const { metadata } = parts[0]
  const fields = metadataFields(metadata, where)
  const holder = (tensor: string) => parts.find(({ tensors }) => tensors.has(tensor))
  const factors = await holder(ROPE_FACTORS)?.tensor(ROPE_FACTORS)
  const model: GgufModel = {
    fields,
    shape: (tensor) => holder(tensor)?.tensors.get(tensor)?.shape,
    ropeFactors: factors?.toArray(),
  }
  const { config, encoderFiles } = architectureOf(fields)
  const hasTokens = metadata.has('tokenizer.ggml.tokens')
  const ids = hasTokens ? tokenIds(metadata, where) : {}
  const files = new Map<string, () => Json>([['config.json', () => ({ ...config(model), ...ids })]])
  if (hasTokens) {
    files.set('tokenizer.json', () => tokenizerJson(metadata, where))
    files.set('tokenizer_config.json', () => tokenizerConfig(metadata, where))
  }
  for (const [file, content] of encoderFiles?.(model) ?? []) files.set(file, () => content)
  return { fields, files }
}
