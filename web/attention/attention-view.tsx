/**
 * Attention as a person reads it: choose a layer and a head, move over the map, see where a token looks. It holds what the pointer
 * is over and nothing else; what is chosen is the page's.
 */
import { useMemo, useRef, useState } from 'preact/hooks'
import type { AttentionMap, AttentionName } from '../protocol.js'
import { AttentionRow } from './attention-row.js'
import { fixed } from './digits.js'
import { attentionLabel, HeadPicker, LayerPicker, type AttentionInfo } from './head-picker.js'
import { HeatLegend } from './heat-legend.js'
import { HeatMap } from './heat-map.js'
import { headName, rowOf, weightsOf, writtenAfter, type Cell, type HeadChoice } from './map-weights.js'
import { tokenLabel } from './tokens.js'
import { usePalette } from './use-colours.js'

export interface AttentionViewProps {
  /** The layers to choose from. */
  readonly attentions: readonly AttentionInfo[]
  /** The map of the chosen layer; the last one stays until the next is there. */
  readonly map: AttentionMap
  readonly head: HeadChoice
  readonly cell: Cell
  readonly onAttention: (attention: AttentionName) => void
  readonly onHead: (head: HeadChoice) => void
  readonly onCell: (cell: Cell) => void
  /** Asks for every number behind a cell of a head. Without it there is no such button. */
  readonly onOpen?: (head: number, cell: Cell) => void
}

export function AttentionView(props: AttentionViewProps) {
  const { attentions, map, head, onAttention, onHead, onCell, onOpen } = props
  const [hovered, setHovered] = useState<Cell>()
  const element = useRef<HTMLDivElement>(null)
  const palette = usePalette(element)
  const { queries, keys, attention } = map
  const weights = useMemo(() => weightsOf(map, head), [map, head])
  const cell = within(props.cell, map)
  const shown = within(hovered ?? cell, map)
  const row = rowOf(weights, shown.query, keys.length)
  const info = attentions.find(({ name }) => name === attention)
  const where = `${info ? attentionLabel(info) : attention}, ${headName(head)}`

  const pickers = useMemo(
    () => (
      <>
        <LayerPicker attentions={attentions} attention={attention} onAttention={onAttention} />
        <HeadPicker map={map} palette={palette} head={head} onHead={onHead} />
      </>
    ),
    [attentions, attention, map, palette, head, onAttention, onHead],
  )
  return (
    <div class="attention-view" ref={element}>
      {pickers}
      <HeatMap
        queries={queries}
        keys={keys}
        weights={weights}
        palette={palette}
        label={`Attention, ${where}: ${queries.length} queries by ${keys.length} keys`}
        cell={cell}
        hovered={hovered && within(hovered, map)}
        onHover={setHovered}
        onCell={onCell}
        onOpen={head === 'mean' || !onOpen ? undefined : (opened) => onOpen(head, opened)}
      />
      <div class="attention-foot">
        <p class="attention-readout">
          <span>
            <q>{tokenLabel(queries[shown.query])}</q> → <q>{tokenLabel(keys[shown.key])}</q>
          </span>
          <b class="number">{fixed(row[shown.key], 4)}</b>
          <small>
            <code>
              {attention}.probs[{head}, {shown.query}, {shown.key}]
            </code>
          </small>
        </p>
        {!onOpen ? null : head === 'mean' ? (
          <p class="note">The mean has no query and key of its own. Choose a head to see the numbers behind a cell.</p>
        ) : (
          <button type="button" onClick={() => onOpen(head, cell)}>
            Show every number behind <q>{tokenLabel(queries[cell.query])}</q> → <q>{tokenLabel(keys[cell.key])}</q>
          </button>
        )}
        <HeatLegend palette={palette} />
      </div>
      <AttentionRow
        query={queries[shown.query]}
        written={writtenAfter(map, shown.query)}
        keys={keys}
        row={row}
        marked={shown.key}
      />
    </div>
  )
}

/** A cell that was chosen in another map, or the nearest that this one has. */
function within({ query, key }: Cell, { queries, keys }: AttentionMap): Cell {
  return { query: Math.min(query, queries.length - 1), key: Math.min(key, keys.length - 1) }
}
