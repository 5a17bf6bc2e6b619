/**
 * What of a walk is looked at: a passage, and in the encoder's and in the decoder's attention a layer, a head and a cell. The row in
 * the decoder is the decoding step. A choice outlives the walk that it was made on, so it is fitted to each new one; what was not
 * chosen is what the story points at.
 */
import type { Cell, HeadChoice } from '../attention/map-weights.js'
import type { AttentionName, ReaderInfo, Walk } from '../protocol.js'
import type { Story } from './story.js'

/** A head of an attention layer and a cell of its map. */
export interface HeadCell extends Cell {
  readonly attention: AttentionName
  readonly head: HeadChoice
}

export interface Selection {
  /** Index into answer.passages. */
  readonly passage: number
  readonly encoder: HeadCell
  /** Self or cross attention; `query` is the decoding step. */
  readonly decoder: HeadCell
}

/** The choice with everything in range, and the story's where nothing was chosen. */
export function fitSelection(chosen: Partial<Selection>, reader: ReaderInfo, walk: Walk, story: Story): Selection {
  const passages = walk.answer.passages.length
  const passage = Math.min(chosen.passage ?? story.passage, passages - 1)
  const fit = (given: HeadCell | undefined, stack: 'encoder' | 'decoder'): HeadCell => {
    const cell = given ?? (stack === 'encoder' ? story.self : story.crossMost)?.strongest
    const layers = reader.attentions.filter((attention) => attention.stack === stack)
    const kind = stack === 'encoder' ? 'self' : 'cross'
    const first = layers.find((layer) => layer.kind === kind)?.name ?? layers[0].name
    const { attention = first, head = 'mean', query = stack === 'encoder' ? 0 : story.step, key = 0 } = cell ?? {}
    const known = layers.find(({ name }) => name === attention)
    const rows = stack === 'encoder' ? walk.sources[passage].length : walk.steps.length
    const columns = known?.kind === 'self' && stack === 'decoder' ? walk.steps.length : walk.sources[passage].length
    return {
      attention: known?.name ?? first,
      head: head === 'mean' || head < reader.numHeads ? head : 'mean',
      query: Math.min(query, rows - 1),
      key: Math.min(key, columns - 1),
    }
  }
  return { passage, encoder: fit(chosen.encoder, 'encoder'), decoder: fit(chosen.decoder, 'decoder') }
}
