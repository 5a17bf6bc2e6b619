/**
 * Which encoder made a vector: its files, and what was done with its states. Vectors of two encoders can be multiplied and it means nothing,
 * so an index remembers the identity of its encoder, and questions are compared with it.
 */
import { GlassformerError } from '../../errors.js'
import { requireText, type Folder } from '../../files/folder.js'
import { sha256 } from '../../files/sha256.js'
import type { PoolingMode } from '../../layers/index.js'
import { openCheckpoint } from '../../safetensors/index.js'

export interface EncoderIdentity {
  /** Last part of the path or address that it was loaded from. For people: two copies of a model may have different names. */
  readonly name: string
  /** SHA-256 over its configuration, tokenizer and weights, in hexadecimal. */
  readonly hash: string
  readonly pooling: PoolingMode
  /** Whether vectors are scaled to length 1. */
  readonly normalize: boolean
  /** Where it can be found: a model's name on the hub, or a folder. Missing for the encoder of the package. No part of what it is. */
  readonly location?: string
}

/** An index that was made by another encoder than the one that it is used with. */
export class EncoderMismatchError extends GlassformerError {}

/** @throws EncoderMismatchError unless vectors of `encoder` may be compared with those of the index */
export function requireSameEncoder(index: EncoderIdentity, encoder: EncoderIdentity): void {
  const same = (['hash', 'pooling', 'normalize'] as const).every((key) => index[key] === encoder[key])
  if (same) return
  throw new EncoderMismatchError(
    'other-encoder',
    `the index was made by ${show(index)}, questions are encoded by ${show(encoder)}; give that encoder (the option encoder), or build the index again`,
  )
}

/** The hash of an encoder's folder. How its weights are shared out among files is no matter. */
export async function encoderHash(folder: Folder): Promise<string> {
  const texts = ['config.json', 'tokenizer.json']
  const lines = await Promise.all(
    texts.map(async (file) => sha256(await requireText(folder, file, 'describes the model'))),
  )
  const weights = await openCheckpoint(folder)
  try {
    for (const [name, { dtype, shape }] of [...weights.tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const { data } = await weights.tensor(name)
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      lines.push(JSON.stringify([name, dtype, shape, await sha256(bytes)]))
    }
  } finally {
    await weights.close()
  }
  return sha256(lines.join('\n'))
}

function show({ name, hash, pooling, normalize, location }: EncoderIdentity): string {
  const from = location === undefined ? '' : ` of ${JSON.stringify(location)}`
  return `${name}${from} (${hash.slice(0, 12)}, ${pooling} pooling, ${normalize ? '' : 'not '}normalised)`
}
