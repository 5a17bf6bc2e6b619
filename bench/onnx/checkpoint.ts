/**
 * Weights of a Hugging Face folder as float32 arrays, for the makers of ONNX files.
 */
import { openFolder, requireText } from '../../src/files/folder.js'
import { JsonObject } from '../../src/files/json.js'
import { openCheckpoint } from '../../src/safetensors/index.js'
import type { LinearWeight } from './linear.js'

export interface WeightReader {
  readonly config: JsonObject
  tensor(name: string): Promise<{ data: Float32Array; shape: readonly number[] }>
  /** `name.weight` [rows, columns] and, if it is there, `name.bias`. */
  linear(name: string): Promise<LinearWeight>
  close(): Promise<void>
}

export async function openWeights(location: string): Promise<WeightReader> {
  const folder = openFolder(location)
  const config = JsonObject.parse(await requireText(folder, 'config.json', 'describes the model'), 'config.json')
  const checkpoint = await openCheckpoint(folder)
  const tensor = async (name: string) => {
    const { data, shape } = (await checkpoint.tensor(name)).to('float32')
    return { data, shape }
  }
  return {
    config,
    tensor,
    linear: async (name) => {
      const { data, shape } = await tensor(`${name}.weight`)
      const bias = checkpoint.tensors.has(`${name}.bias`) ? (await tensor(`${name}.bias`)).data : undefined
      return { data, rows: shape[0], columns: shape[1], bias }
    },
    close: () => checkpoint.close(),
  }
}
