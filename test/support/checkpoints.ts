/**
 * Checkpoints as people have them: a recorded folder, held in memory with other names, tensors, dtypes or config fields.
 */
import { readFileSync } from 'node:fs'
import { SafetensorsFile, writeSafetensors } from '../../src/safetensors/index.js'
import type { DType } from '../../src/tensor/dtype.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { goldenJson, goldenPath } from './goldens.js'

export interface Changes {
  /** New name of each tensor; undefined leaves it out. */
  readonly rename?: (name: string) => string | undefined
  /** Tensors that are put in beside the others, given the old ones by their old names. */
  readonly add?: (tensors: ReadonlyMap<string, Tensor>) => Readonly<Record<string, Tensor>>
  readonly dtype?: DType
  /** Fields of config.json that are replaced; undefined takes one away. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Into how many files the tensors go. */
  readonly shards?: number
}

/** The files of a recorded folder after some changes. */
export async function changedCheckpoint(
  folder: string,
  { rename = (name) => name, add, dtype, config, shards = 1 }: Changes,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const file = await SafetensorsFile.open(new Uint8Array(readFileSync(goldenPath(folder, 'model.safetensors'))))
  const old = new Map<string, Tensor>()
  for (const name of file.tensors.keys()) old.set(name, await file.tensor(name))
  const tensors: [string, Tensor][] = []
  for (const [name, tensor] of old) {
    const renamed = rename(name)
    if (renamed !== undefined) tensors.push([renamed, dtype ? tensor.to(dtype) : tensor])
  }
  tensors.push(...Object.entries(add?.(old) ?? {}))

  const files = new Map([['config.json', jsonBytes({ ...goldenJson<object>(folder, 'config.json'), ...config })]])
  if (shards === 1) return files.set('model.safetensors', writeSafetensors(tensors))
  const shardOf = (i: number) => `model-${String((i % shards) + 1).padStart(5, '0')}-of-${shards}.safetensors`
  for (let shard = 0; shard < shards; shard++) {
    files.set(shardOf(shard), writeSafetensors(tensors.filter((_, i) => i % shards === shard)))
  }
  const weightMap = Object.fromEntries(tensors.map(([name], i) => [name, shardOf(i)]))
  return files.set('model.safetensors.index.json', jsonBytes({ metadata: {}, weight_map: weightMap }))
}

function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
