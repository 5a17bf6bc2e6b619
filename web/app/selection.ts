/**
 * What of a walk is looked at: one passage, one decoding step, and for the encoder's and the decoder's attention a layer, a head
 * and maybe a cell. A selection outlives the walk that it was made on, so it is fitted to each new one.
 */
import type { AttentionName, ReaderInfo, Walk } from '../protocol.js'

/** A cell, or just a head, of an attention layer. */
export interface HeadSelection {
  readonly attention: AttentionName
  readonly head: number
  readonly query?: number
  readonly key?: number
}

export interface Selection {
  /** Index into answer.passages. */
  readonly passage: number
  /** Index into walk.steps. */
  readonly step: number
  /** In the encoder. */
  readonly encoder: HeadSelection
  /** In the decoder, self or cross. */
  readonly decoder: HeadSelection
}

/** The selection with everything in range: what does not exist in this walk falls back to the first that does. */
export function fitSelection(selection: Partial<Selection>, reader: ReaderInfo, walk: Walk): Selection {
  const { passage = 0, step = 0 } = selection
  const fitHead = (given: HeadSelection | undefined, stack: 'encoder' | 'decoder'): HeadSelection => {
    const layers = reader.attentions.filter((attention) => attention.stack === stack)
    const first = layers.find(({ kind }) => stack === 'encoder' || kind === 'cross') ?? layers.at(0)
    const known = layers.some(({ name }) => name === given?.attention) && given!.head < reader.numHeads
    return known ? given! : { attention: first?.name ?? '', head: 0 }
  }
  return {
    passage: Math.min(passage, walk.answer.passages.length - 1),
    step: Math.min(step, walk.steps.length - 1),
    encoder: fitHead(selection.encoder, 'encoder'),
    decoder: fitHead(selection.decoder, 'decoder'),
  }
}
