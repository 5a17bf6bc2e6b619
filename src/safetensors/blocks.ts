/**
 * Checkpoints whose matrices are stored in the block formats of GGUF. safetensors has no such dtype, so a matrix `name` [rows, columns] is stored as
 * its bytes, U8 [rows, blocks of a row, bytes of a block], under the name `name.<format>`: `model.embed_tokens.weight.q8_0`. It is
 * read as a tensor of that format under its own name.
 */
import { BLOCK_FORMATS, isBlockType, type BlockType } from '../tensor/blocks/index.js'
import { showShape } from '../tensor/shape.js'
import { Tensor } from '../tensor/tensor.js'
import { QuantizedTensorError } from './errors.js'
import type { TensorInfo } from './header.js'
import { unknownTensor, type TensorSource } from './reader.js'

/** A checkpoint as if its dtypes had the block formats. One without such matrices is returned as it is. */
export function readBlocks(source: TensorSource): TensorSource {
  const tensors = new Map<string, Stored>()
  for (const [stored, info] of source.tensors) {
    const type = info.dtype === 'uint8' ? formatOf(stored) : undefined
    if (!type) {
      tensors.set(stored, { stored, info })
      continue
    }
    const { values, bytes } = BLOCK_FORMATS[type]
    const [rows, blocks] = info.shape
    const name = stored.slice(0, -type.length - 1)
    if (info.shape.length !== 3 || info.shape[2] !== bytes || source.tensors.has(name)) {
      throw new QuantizedTensorError(
        source.name,
        `${stored}: uint8 ${showShape(info.shape)}; read is [rows, blocks, ${bytes}], and no second tensor ${name}`,
      )
    }
    tensors.set(name, { stored, info: { ...info, dtype: type, shape: [rows, blocks * values] } })
  }
  if ([...tensors].every(([name, { stored }]) => name === stored)) return source
  const infos = new Map([...tensors].map(([name, { info }]) => [name, info]))
  return {
    name: source.name,
    tensors: infos,
    tensor: async (name) => {
      const entry = tensors.get(name)
      if (!entry) throw unknownTensor({ name: source.name, tensors: infos }, name)
      const tensor = await source.tensor(entry.stored)
      const { dtype, shape } = entry.info
      if (dtype === tensor.dtype) return tensor
      return new Tensor({ dtype: dtype as BlockType, data: (tensor as Tensor<'uint8'>).data, shape })
    },
    close: () => source.close(),
  }
}

interface Stored {
  /** Name in the file. */
  readonly stored: string
  readonly info: TensorInfo
}

/** Name and tensor under which a matrix of blocks is written. */
export function storedBlocks(name: string, matrix: Tensor<BlockType>): [string, Tensor<'uint8'>] {
  const { values, bytes } = BLOCK_FORMATS[matrix.dtype]
  const [rows, columns] = matrix.shape
  const { data } = matrix.copy()
  return [`${name}.${matrix.dtype}`, new Tensor({ dtype: 'uint8', data, shape: [rows, columns / values, bytes] })]
}

function formatOf(name: string): BlockType | undefined {
  const ending = name.slice(name.lastIndexOf('.') + 1)
  return isBlockType(ending) ? ending : undefined
}
