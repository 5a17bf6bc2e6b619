/**
 * The encoder's self-attention over one passage and the question: the reader's, or the span reader's.
 */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { mapToCsv } from '../attention/csv.js'
import { toPng } from '../attention/png.js'
import { coloursAt } from '../attention/use-colours.js'
import type { Explorer } from '../app/explorer.js'
import { Hook, Panel } from '../app/panel.js'
import type { QuotingState } from '../app/quoting-state.js'
import type { HeadCell } from '../app/selection.js'
import type { Story } from '../app/story.js'
import type { ModelInfo, Walk } from '../protocol.js'
import { MapFigure, useMap } from './attention-map.js'
import { FindingNote } from './finding.js'
import { SpanEncoderPanel } from './span-encoder.js'
import { WhoseEncoder, type Whose } from './whose-encoder.js'

export interface AttentionPanelProps {
  readonly explorer: Explorer
  readonly model: ModelInfo
  readonly walk: Walk
  readonly story: Story
  readonly passage: number
  readonly cell: HeadCell
  readonly busy: boolean
}

export interface EncoderPanelProps extends AttentionPanelProps {
  readonly quoting: QuotingState
}

export function EncoderPanel({ quoting, ...props }: EncoderPanelProps) {
  const [whose, setWhose] = useState<Whose>('reader')
  const choose = (chosen: Whose) => {
    setWhose(chosen)
    if (chosen === 'span-reader') quoting.ask()
  }
  const picker = props.model.spanReader && <WhoseEncoder whose={whose} onWhose={choose} />
  if (whose === 'span-reader') return <SpanEncoderPanel {...props} quoting={quoting} picker={picker} />
  return <ReaderEncoderPanel {...props} picker={picker} />
}

function ReaderEncoderPanel(props: AttentionPanelProps & { readonly picker: ComponentChildren }) {
  const { explorer, model, walk, story, passage, cell, busy, picker } = props
  const { reader } = model
  const attentions = reader.attentions.filter(({ stack }) => stack === 'encoder')
  const map = useMap(explorer, walk, cell, passage)
  const tokens = walk.sources[passage].length
  return (
    <Panel
      id="encoder"
      title="In the encoder, every token looks at every other"
      lead="Each token asks with its query and offers its key. Where the two fit, the token takes over more of the other’s value. A row of the map is one token’s question; the stronger a cell’s colour, the more it took. Rows sum to 1."
      formula={
        <>
          A = softmax(<var>Q</var>
          <var>K</var>
          <sup>T</sup> · scale + bias), context = A · <var>V</var>
        </>
      }
      facts={[
        ['shape', `${reader.numHeads} heads × [${tokens}, ${tokens}]`],
        ['hook point', <Hook>{`${cell.attention}.probs`}</Hook>],
      ]}
      flows={`[${tokens}, ${reader.dModel}] states, read by the decoder`}
      busy={busy || map.stale}
      csv={map.value && (() => mapToCsv(map.value!, cell.head))}
      png={map.value && ((figure) => toPng(map.value!, cell.head, coloursAt(figure)))}
    >
      {picker}
      {story.self ? (
        <FindingNote
          finding={story.self}
          isShown={passage === story.passage && isAt(cell, story.self.strongest)}
          onShow={() => explorer.select({ passage: story.passage, encoder: story.self!.strongest })}
        />
      ) : (
        <p class="finding">{NO_STORY}</p>
      )}
      {map.error && <p role="alert">{map.error}</p>}
      {map.value && (
        <MapFigure
          explorer={explorer}
          walk={walk}
          passage={passage}
          attentions={attentions}
          map={map.value}
          cell={cell}
          onCell={(encoder) => explorer.select({ encoder })}
        />
      )}
      <p class="aside">
        A weight says what was taken over, not what it was needed for. Much of it rests on marks and on the token
        itself, and the next layer mixes all of it again. Whether a head matters shows in the ablation below.
      </p>
    </Panel>
  )
}

export const NO_STORY =
  'The answer has no word that stands in the passage and not in the question, so there is no such pair of words to look for here.'

export function isAt(cell: HeadCell, { attention, head, query, key }: HeadCell): boolean {
  return cell.attention === attention && cell.head === head && cell.query === query && cell.key === key
}
