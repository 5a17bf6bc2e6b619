/**
 * A checkpoint in smaller numbers: which of its tensors are matrices of linear layers, only the model knows, so the model is built, without
 * its weights, and asked.
 */
import { referenceBackend } from '../backends/index.js'
import { checkpoint as turn } from '../event-loop.js'
import { JsonObject } from '../files/json.js'
import { requireText, type FolderLike } from '../files/folder.js'
import { generationConfig } from '../generation/index.js'
import { openPretrained, type HubOptions } from '../hub/index.js'
import { inBlocks, Weights, type BlockDType } from '../layers/index.js'
import { openCheckpoint, readBlocks, storedBlocks, widenQuantized } from '../safetensors/index.js'
import { isBlockType, type BlockType } from '../tensor/blocks/index.js'
import type { Tensor } from '../tensor/tensor.js'
import { buildFor } from './registry.js'

/**
 * The tensors of a model folder, or of a model on a hub, with the matrices of linear layers in blocks, as `fromPretrained` makes them with the
 * same dtype: for {@link writeSafetensors}. What the file holds transposed, as GPT-2's does, stays as it is.
 * @throws as `fromPretrained` does; AbortedError when the signal fires between two tensors
 */
export async function* quantiseCheckpoint(
  location: FolderLike,
  dtype: BlockDType,
  options: HubOptions = {},
): AsyncGenerator<readonly [name: string, tensor: Tensor]> {
  const folder = await openPretrained(location, options)
  const text = await requireText(folder, 'config.json', 'a Hugging Face model folder has; check the path')
  const config = JsonObject.parse(text, `${folder.name}/config.json`)
  const checkpoint = widenQuantized(readBlocks(await openCheckpoint(folder)))
  try {
    const weights = new Weights(checkpoint, { backend: referenceBackend() })
    buildFor(config)(config, weights, generationConfig(config, undefined))
    weights.check()
    const { matrices } = weights
    for (const name of checkpoint.tensors.keys()) {
      await turn(options.signal, 'the conversion')
      const tensor = await checkpoint.tensor(name)
      const matrix = matrices.get(name)
      const made = matrix && !matrix.transposed ? inBlocks(dtype, matrix.use, tensor) : tensor
      yield isBlockType(made.dtype) ? storedBlocks(name, made as Tensor<BlockType>) : [name, made]
    }
  } finally {
    await checkpoint.close()
  }
}
