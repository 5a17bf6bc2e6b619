/**
 * The self-attention of the span reader's encoder, with the same maps and numbers as the reader's. What is looked at in it is kept here, not
 * in the page's address.
 */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { mapToCsv } from '../attention/csv.js'
import { toPng } from '../attention/png.js'
import { coloursAt } from '../attention/use-colours.js'
import type { Explorer } from '../app/explorer.js'
import { Hook, Panel } from '../app/panel.js'
import type { QuotingState } from '../app/quoting-state.js'
import { useResource } from '../app/resource.js'
import type { HeadCell } from '../app/selection.js'
import type { Quoting, Walk } from '../protocol.js'
import { MapFigure } from './attention-map.js'

export interface SpanEncoderPanelProps {
  readonly explorer: Explorer
  readonly walk: Walk
  readonly passage: number
  readonly busy: boolean
  readonly quoting: QuotingState
  readonly picker: ComponentChildren
}

export function SpanEncoderPanel({ explorer, walk, passage, busy, quoting, picker }: SpanEncoderPanelProps) {
  const { value } = quoting
  const [chosen, setChosen] = useState<HeadCell | undefined>(undefined)
  const cell = value && (chosen ?? firstCell(value, passage))
  const attention = cell?.attention
  const map = useResource(
    (signal) => (attention === undefined ? undefined : explorer.engine.spanAttention(attention, passage, signal)),
    [value, attention, passage],
  )
  const tokens = map.value?.keys.length
  const { error = map.error } = quoting
  return (
    <Panel
      id="encoder"
      title="In the encoder, every token looks at every other"
      lead="The span reader reads question and passage as one text, too. Its last layer’s states become two scores for each token, so the words that it points at have to have looked at the question here."
      formula={
        <>
          A = softmax(<var>Q</var>
          <var>K</var>
          <sup>T</sup> · scale + bias), context = A · <var>V</var>
        </>
      }
      facts={
        value && [
          ['shape', `${value.reader.numHeads} heads × [${tokens ?? '…'}, ${tokens ?? '…'}]`],
          ['hook point', <Hook>{`${attention}.probs`}</Hook>],
        ]
      }
      flows={
        value && tokens
          ? `[${tokens}, ${value.reader.dModel}] states, of which [${tokens}, 2] scores are made`
          : undefined
      }
      busy={busy || quoting.stale || map.stale}
      csv={map.value && cell && (() => mapToCsv(map.value!, cell.head))}
      png={map.value && cell && ((figure) => toPng(map.value!, cell.head, coloursAt(figure)))}
    >
      {picker}
      {error && <p role="alert">{error}</p>}
      {!value && !error && <p role="status">{quoting.progress?.what ?? 'The span reader is fetched'}</p>}
      {value && cell && map.value && (
        <MapFigure
          explorer={explorer}
          walk={walk}
          passage={passage}
          attentions={value.reader.attentions}
          map={map.value}
          cell={cell}
          onCell={setChosen}
          numbers={explorer.engine.spanCell}
        />
      )}
    </Panel>
  )
}

/** In the last layer, the row of the token that the passage's best span begins with. */
function firstCell({ reader, readings, quotes }: Quoting, passage: number): HeadCell {
  const best = quotes.spans.find((span) => span.passage === passage)
  const tokens = readings.find((reading) => reading.passage === passage)?.tokens ?? []
  const place = tokens.findIndex(({ part, start }) => part === 'text' && start === best?.start)
  const query = Math.max(0, place)
  return { attention: reader.attentions.at(-1)!.name, head: 0, query, key: query }
}
