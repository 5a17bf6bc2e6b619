/**
 * An attention layer of the walk: the map with its pickers, the same row as shaded text, and, when asked for, every number behind a cell. The
 * engine is asked for the map; the last one stays until the next is there.
 */
import { useState } from 'preact/hooks'
import { AttentionView } from '../attention/attention-view.js'
import { CellDetail } from '../attention/cell-detail.js'
import type { AttentionInfo } from '../attention/head-picker.js'
import { TokenView } from '../attention/token-view.js'
import type { Resource } from '../app/resource.js'
import { useResource } from '../app/resource.js'
import type { Explorer } from '../app/explorer.js'
import type { HeadCell } from '../app/selection.js'
import type { AttentionMap, Engine, Walk } from '../protocol.js'

/** Asks for the map that a selection names. */
export function useMap(
  explorer: Explorer,
  walk: Walk,
  { attention }: HeadCell,
  passage: number,
): Resource<AttentionMap> {
  return useResource(() => explorer.attention(attention, passage), [walk, attention, passage])
}

export interface MapFigureProps {
  readonly explorer: Explorer
  readonly walk: Walk
  readonly passage: number
  readonly attentions: readonly AttentionInfo[]
  readonly map: AttentionMap
  readonly cell: HeadCell
  readonly onCell: (cell: HeadCell) => void
  /** Where the numbers behind a cell come from; the reader unless told. */
  readonly numbers?: Engine['cell']
}

export function MapFigure({ explorer, walk, passage, attentions, map, cell, onCell, numbers }: MapFigureProps) {
  const [open, setOpen] = useState(false)
  const { attention, head, query, key } = cell
  const detail = useResource(
    (signal) =>
      open && head !== 'mean'
        ? (numbers ?? explorer.engine.cell)({ attention, head, query, key, passage }, signal)
        : undefined,
    [open, walk, attention, head, query, key, passage],
  )
  return (
    <>
      <h3>Layer, head and map</h3>
      <AttentionView
        attentions={attentions}
        attention={attention}
        map={map}
        head={head}
        cell={cell}
        onAttention={(chosen) => onCell({ ...cell, attention: chosen })}
        onHead={(chosen) => onCell({ ...cell, head: chosen })}
        onCell={(chosen) => onCell({ ...cell, ...chosen })}
        onOpen={(chosen, at) => {
          onCell({ ...cell, ...at, head: chosen })
          setOpen(true)
        }}
      />
      {detail.error && <p role="alert">{detail.error}</p>}
      {detail.value && (
        <CellDetail cell={detail.value} queries={map.queries} keys={map.keys} onClose={() => setOpen(false)} />
      )}
      <h3>The same row, in the text</h3>
      <TokenView map={map} head={head} query={query} onQuery={(chosen) => onCell({ ...cell, query: chosen })} />
    </>
  )
}
