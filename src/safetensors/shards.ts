/**
 * A checkpoint folder: one model.safetensors, or several shards that model.safetensors.index.json lists, or a folder that brings its tensors
 * itself. Either way it is one TensorSource, and tensors are read when they are asked for.
 */
import { hasFile, missingFile, readText, type Folder } from '../files/folder.js'
import { JsonObject } from '../files/json.js'
import { isPlainName } from '../files/plain-path.js'
import type { Tensor } from '../tensor/tensor.js'
import { ShardIndexError } from './errors.js'
import type { TensorInfo } from './header.js'
import { SafetensorsFile, unknownTensor, type CheckpointFolder, type TensorSource } from './reader.js'

const SINGLE = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

/**
 * @throws FileError when the folder holds neither, SafetensorsError for a broken file, ShardIndexError for an index that does not fit
 */
export async function openCheckpoint(folder: Folder | CheckpointFolder): Promise<TensorSource> {
  if ('checkpoint' in folder) return folder.checkpoint()
  const single = await folder.open(SINGLE)
  if (single) return openOrClose(single)
  const index = await readText(folder, INDEX)
  if (index === undefined) {
    const hint = (await hasFile(folder, 'pytorch_model.bin'))
      ? '; pytorch_model.bin can run code when it is read, so convert it with transformers (save_pretrained)'
      : ''
    throw missingFile(folder, SINGLE, `holds the weights (or ${INDEX} with shards)${hint}`)
  }
  return openShards(folder, JsonObject.parse(index, `${folder.name}/${INDEX}`))
}

async function openOrClose(source: NonNullable<Awaited<ReturnType<Folder['open']>>>): Promise<SafetensorsFile> {
  try {
    return await SafetensorsFile.open(source)
  } catch (error) {
    await source.close()
    throw error
  }
}

async function openShards(folder: Folder, index: JsonObject): Promise<TensorSource> {
  const map = index.object('weight_map')
  const fileOf = new Map(map.keys().map((name) => [name, map.string(name)]))
  const shards = new Map<string, SafetensorsFile>()
  try {
    for (const file of new Set(fileOf.values())) {
      if (!isPlainName(file))
        throw new ShardIndexError(index.where, `${JSON.stringify(file)} is not a file of this folder`)
      const source = await folder.open(file)
      if (!source) throw missingFile(folder, file, `is a shard that ${INDEX} names`)
      shards.set(file, await openOrClose(source))
    }
    return new ShardedCheckpoint(folder.name, shards, listTensors(fileOf, shards, index.where))
  } catch (error) {
    for (const shard of shards.values()) await shard.close()
    throw error
  }
}

/** All tensors with their shard; the index and the shards' headers must agree in both directions. */
function listTensors(
  fileOf: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsFile>,
  where: string,
): Map<string, { shard: SafetensorsFile; info: TensorInfo }> {
  const tensors = new Map<string, { shard: SafetensorsFile; info: TensorInfo }>()
  for (const [name, file] of fileOf) {
    const shard = shards.get(file)!
    const info = shard.tensors.get(name)
    if (!info) throw new ShardIndexError(where, `tensor ${JSON.stringify(name)} is not in ${file}`)
    tensors.set(name, { shard, info })
  }
  for (const [file, shard] of shards) {
    for (const name of shard.tensors.keys()) {
      if (fileOf.get(name) !== file) {
        throw new ShardIndexError(
          where,
          `tensor ${JSON.stringify(name)} of ${file} is listed ${fileOf.has(name) ? `in ${fileOf.get(name)}` : 'nowhere'}`,
        )
      }
    }
  }
  return tensors
}

class ShardedCheckpoint implements TensorSource {
  readonly name: string
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly #shards: ReadonlyMap<string, SafetensorsFile>
  readonly #entries: ReadonlyMap<string, { shard: SafetensorsFile }>

  constructor(
    name: string,
    shards: ReadonlyMap<string, SafetensorsFile>,
    entries: ReadonlyMap<string, { shard: SafetensorsFile; info: TensorInfo }>,
  ) {
    this.name = name
    this.#shards = shards
    this.#entries = entries
    this.tensors = new Map([...entries].map(([tensor, { info }]) => [tensor, info]))
  }

  async tensor(name: string): Promise<Tensor> {
    const entry = this.#entries.get(name)
    if (!entry) throw unknownTensor(this, name)
    return entry.shard.tensor(name)
  }

  async close(): Promise<void> {
    for (const shard of this.#shards.values()) await shard.close()
  }
}
