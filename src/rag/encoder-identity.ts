/**
 * Which encoder made a vector: its files, and what was done with its states. Vectors of two encoders can be multiplied and it means nothing,
 * so an index remembers the identity of its encoder, and questions are compared with it.
 */
import { GlassformerError } from '../errors.js'
import { requireText, type Folder } from '../files/folder.js'
import type { PoolingMode } from '../layers/index.js'
import { openCheckpoint } from '../safetensors/index.js'

export interface EncoderIdentity {
  /** Last part of the path or address that it was loaded from. For people: two copies of a model may have different names. */
  readonly name: string
  /** SHA-256 over its configuration, tokenizer and weights, in hexadecimal. */
  readonly hash: string
  readonly pooling: PoolingMode
  /** Whether vectors are scaled to length 1. */
  readonly normalize: boolean
}

/** An index that was made by another encoder than the one that it is used with. */
export class EncoderMismatchError extends GlassformerError {}

/** @throws EncoderMismatchError unless vectors of `encoder` may be compared with those of the index */
export function requireSameEncoder(index: EncoderIdentity, encoder: EncoderIdentity): void {
  const same = (['hash', 'pooling', 'normalize'] as const).every((key) => index[key] === encoder[key])
  if (same) return
  throw new EncoderMismatchError(
    'other-encoder',
    `the index was made by ${show(index)}, questions are encoded by ${show(encoder)}; use that encoder, or build the index again`,
  )
}

/** The hash of an encoder's folder. How its weights are shared out among files is no matter. */
export async function encoderHash(folder: Folder): Promise<string> {
  const texts = ['config.json', 'tokenizer.json']
  const lines = await Promise.all(
    texts.map(async (file) => sha256(encode(await requireText(folder, file, 'describes the model')))),
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
  return sha256(encode(lines.join('\n')))
}

/** SHA-256 in hexadecimal. @throws GlassformerError in a page that is not served over https or from this machine, where there is none */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const { subtle } = globalThis.crypto
  if (!(subtle as SubtleCrypto | undefined)) {
    throw new GlassformerError('insecure-page', 'sha256: there is no crypto.subtle here; serve the page over https')
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function show({ name, hash, pooling, normalize }: EncoderIdentity): string {
  return `${name} (${hash.slice(0, 12)}, ${pooling} pooling, ${normalize ? '' : 'not '}normalised)`
}
