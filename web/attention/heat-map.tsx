/**
 * One head's attention as a heat map: queries down, keys across, labels that stay while the box scrolls. To a screen reader it is a grid of
 * which only the current cell exists: the outline on the picture is that cell.
 */
import type { TargetedKeyboardEvent, TargetedPointerEvent } from 'preact'
import { useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Token } from '../protocol.js'
import { fixed } from './digits.js'
import { HeatCanvas } from './heat-canvas.js'
import { cellAt, cellSize, labelRoom, moveCell } from './map-layout.js'
import type { Cell } from './map-weights.js'
import { tokenLabel, tokenName } from './tokens.js'

export interface HeatMapProps {
  readonly queries: readonly Token[]
  readonly keys: readonly Token[]
  /** [query, key] */
  readonly weights: Float32Array
  readonly palette: Uint8ClampedArray | undefined
  /** What the map shows, for a screen reader. */
  readonly label: string
  /** The chosen cell, which arrow keys move. */
  readonly cell: Cell
  /** The cell under the pointer. */
  readonly hovered: Cell | undefined
  readonly onHover: (cell: Cell | undefined) => void
  readonly onCell: (cell: Cell) => void
  /** Enter or a click; a map of more than one head has nothing to open. */
  readonly onOpen?: (cell: Cell) => void
}

export function HeatMap(props: HeatMapProps) {
  const { queries, keys, weights, palette, label, cell, hovered, onHover, onCell, onOpen } = props
  const id = useId()
  const box = useRef<HTMLDivElement>(null)
  const width = useWidth(box)
  const room = useMemo(() => labelRoom([...queries, ...keys].map(tokenLabel)), [queries, keys])
  const size = cellSize(width - room, keys.length)
  const grid = { rows: queries.length, columns: keys.length }
  const shown = hovered ?? cell
  const weight = weights[shown.query * keys.length + shown.key]

  useLayoutEffect(() => {
    if (document.activeElement === box.current) scrollTo(box.current!, cell, { size, room })
  }, [cell.query, cell.key, size, room])

  const pointed = (event: TargetedPointerEvent<HTMLElement> | MouseEvent, picture: HTMLElement) => {
    const { left, top } = picture.getBoundingClientRect()
    return cellAt(event.clientX - left, event.clientY - top, size, grid)
  }
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const moved = moveCell(cell, event.key, grid)
    if (moved) onCell(moved)
    else if (event.key === 'Enter' || event.key === ' ') onOpen?.(cell)
    else return
    onHover(undefined)
    event.preventDefault()
  }
  const moveLabel = `${tokenName(queries[shown.query])} looks at ${tokenName(keys[shown.key])}: ${fixed(weight, 2)}`
  const labels = useMemo(() => <Labels queries={queries} keys={keys} />, [queries, keys])

  return (
    <div
      ref={box}
      class="heat-map"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={grid.rows}
      aria-colcount={grid.columns}
      aria-activedescendant={`${id}-${shown.query}-${shown.key}`}
      aria-keyshortcuts="ArrowUp ArrowDown ArrowLeft ArrowRight Enter"
      style={{ '--cell': `${size}px`, '--label-room': `${room}px` }}
      onKeyDown={onKeyDown}
    >
      {labels}
      <div
        class="heat-map-picture"
        onPointerMove={(event) => {
          if (event.pointerType !== 'touch') onHover(pointed(event, event.currentTarget))
        }}
        onPointerLeave={() => onHover(undefined)}
        onClick={(event) => {
          const clicked = pointed(event, event.currentTarget)
          if (!clicked) return
          onCell(clicked)
          onOpen?.(clicked)
        }}
      >
        <HeatCanvas
          weights={weights}
          columns={keys.length}
          palette={palette}
          width={keys.length * size}
          height={queries.length * size}
        />
        <div class="heat-map-column" style={{ transform: `translateX(${shown.key * size}px)` }} />
        <div
          class="heat-map-row"
          role="row"
          aria-rowindex={shown.query + 1}
          style={{ transform: `translateY(${shown.query * size}px)` }}
        >
          <div
            key={`${shown.query}-${shown.key}`}
            id={`${id}-${shown.query}-${shown.key}`}
            class="heat-map-cell"
            role="gridcell"
            aria-colindex={shown.key + 1}
            aria-label={moveLabel}
            style={{ transform: `translateX(${shown.key * size}px)` }}
          />
        </div>
      </div>
      <div class="heat-map-tag-row" aria-hidden="true" style={{ '--at': `${shown.query * size}px` }}>
        <span>{tokenLabel(queries[shown.query])}</span>
      </div>
      <div class="heat-map-tag-column" aria-hidden="true" style={{ '--at': `${shown.key * size}px` }}>
        <span>{tokenLabel(keys[shown.key])}</span>
      </div>
    </div>
  )
}

function Labels({ queries, keys }: Pick<HeatMapProps, 'queries' | 'keys'>) {
  return (
    <>
      <div class="heat-map-corner" aria-hidden="true">
        <span>key →</span>
        <span>query ↓</span>
      </div>
      <div class="heat-map-columns" aria-hidden="true">
        {keys.map((token, i) => (
          <span key={i}>{tokenLabel(token)}</span>
        ))}
      </div>
      <div class="heat-map-rows" aria-hidden="true">
        {queries.map((token, i) => (
          <span key={i}>{tokenLabel(token)}</span>
        ))}
      </div>
    </>
  )
}

/** Scrolls the box, and nothing else, so that a cell is to be seen right of and below the labels. */
function scrollTo(
  box: HTMLElement,
  { query, key }: Cell,
  { size, room }: { readonly size: number; readonly room: number },
): void {
  const [left, top] = [key * size, query * size]
  const [wide, high] = [box.clientWidth - room, box.clientHeight - room]
  box.scrollLeft = Math.min(left, Math.max(box.scrollLeft, left + size - wide))
  box.scrollTop = Math.min(top, Math.max(box.scrollTop, top + size - high))
}

/** The inner width of an element, kept up to date. */
function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0)
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => setWidth(element.current?.clientWidth ?? 0))
    setWidth(element.current!.clientWidth)
    observer.observe(element.current!)
    return () => observer.disconnect()
  }, [])
  return width
}
