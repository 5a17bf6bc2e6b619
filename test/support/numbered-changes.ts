/**
 * Changes of a store, made of nothing but their numbers, so that two programs agree on them.
 */
import type { EncoderIdentity, StoredDocument } from '../../src/rag/index.js'

const encoder: EncoderIdentity = { name: 'tiny', hash: 'a'.repeat(64), pooling: 'mean', normalize: true }
export const KIND = { encoder, dimension: 12 }

const IDS = 40

/** A change of one of forty documents: every eleventh deletes it, the others put it in, in place of what was there. */
export function changeOf(number: number): { readonly id: string; readonly document?: StoredDocument } {
  const id = `doc-${number % IDS}`
  if (number % 11 === 10) return { id }
  const passages = Array.from({ length: 1 + (number % 4) }, (_, i) => ({
    id: `${id}#${i + 1}`,
    title: id,
    text: `Change ${number}.`,
    vector: new Float32Array(KIND.dimension).fill(1 / (i + 1)),
  }))
  return { id, document: { id, hash: String(number), passages } }
}
