/**
 * The tensors of a GGUF under their Hugging Face names and with the values that they have there: what the converter changed is undone. Nobody
 * above knows which kind of file a tensor came from.
 */
import type { TensorInfo, TensorSource } from '../safetensors/index.js'
import { rowMajor } from '../tensor/ops/float.js'
import { Tensor } from '../tensor/tensor.js'
import type { Architecture, Change } from './architectures.js'
import { GgufDuplicateError, GgufShapeError, GgufUnknownTensorError, quoted } from './errors.js'
import { tensorOf, type GgufFile } from './gguf-file.js'
import type { GgufTensorInfo } from './header.js'

/** Heads of queries and of keys. */
export interface HeadCounts {
  readonly queries: number
  readonly keys: number
}

interface Entry {
  readonly file: GgufFile
  /** In the file. */
  readonly name: string
  readonly info: GgufTensorInfo
  readonly change?: Change
}

/** Tensors that only say how positions are scaled; the config has it from them. */
export const ROPE_FACTORS = 'rope_freqs.weight'

export class GgufCheckpoint implements TensorSource {
  readonly name: string
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly #files: readonly GgufFile[]
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #heads: HeadCounts

  /** @throws GgufError for two tensors of one name, or heads that do not divide their matrix */
  constructor(name: string, files: readonly GgufFile[], { rename }: Architecture, heads: HeadCounts) {
    this.name = name
    this.#files = files
    this.#heads = heads
    const entries = new Map<string, Entry>()
    for (const file of files) {
      for (const [tensor, info] of file.tensors) {
        if (tensor === ROPE_FACTORS) continue
        const { name: renamed, change } = rename(tensor) ?? { name: tensor }
        if (entries.has(renamed)) throw new GgufDuplicateError(file.name, `the tensor ${quoted(tensor)} is there twice`)
        if (change && change !== 'plus-one')
          requireHeads(info, headsOf(change, heads), `${file.name}: tensor ${quoted(tensor)}`)
        entries.set(renamed, { file, name: tensor, info, change })
      }
    }
    this.#entries = entries
    this.tensors = new Map([...entries].map(([renamed, { info }]) => [renamed, { ...info, dtype: info.type.dtype }]))
  }

  async tensor(name: string): Promise<Tensor> {
    const entry = this.#entries.get(name)
    if (!entry) {
      throw new GgufUnknownTensorError(this.name, `there is no tensor ${quoted(name)} among ${this.tensors.size}`)
    }
    const { file, info, change } = entry
    const bytes = await file.bytes(entry.name)
    if (change === undefined) return tensorOf(info, bytes)
    if (change === 'plus-one') return minusOne(tensorOf(info, bytes))
    return tensorOf(info, inHalves(bytes, info.shape[0], headsOf(change, this.#heads)))
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close()
  }
}

function headsOf(change: Change, { queries, keys }: HeadCounts): number {
  return change === 'interleaved-queries' ? queries : keys
}

function requireHeads({ shape: [rows] }: GgufTensorInfo, heads: number, where: string): void {
  if (rows % (2 * heads) === 0) return
  throw new GgufShapeError(where, `${rows} rows are not ${heads} heads of an even size`)
}

/**
 * Rows of each head in the order first half, second half, from the order in which the partners of both halves are neighbours. Rows are moved
 * as bytes, so that a row of blocks stays one.
 */
function inHalves(bytes: Uint8Array, rows: number, heads: number): Uint8Array {
  const rowBytes = bytes.length / rows
  const headDim = rows / heads
  const ordered = new Uint8Array(bytes.length)
  for (let row = 0; row < rows; row++) {
    const place = row % headDim
    const from = row - place + (place < headDim / 2 ? 2 * place : 2 * place - headDim + 1)
    ordered.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes)
  }
  return ordered
}

function minusOne(weight: Tensor): Tensor {
  const values = rowMajor(weight.to('float32')).map((value) => value - 1)
  return Tensor.float32(values, weight.shape)
}
