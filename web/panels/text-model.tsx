/**
 * A model that was dropped and cannot answer from passages, an encoder or a decoder alone: its self-attention over a text.
 */
import { useState } from 'preact/hooks'
import { AttentionView } from '../attention/attention-view.js'
import { mapToCsv } from '../attention/csv.js'
import type { HeadChoice } from '../attention/map-weights.js'
import { toPng } from '../attention/png.js'
import { TokenView } from '../attention/token-view.js'
import { coloursAt } from '../attention/use-colours.js'
import type { Explorer } from '../app/explorer.js'
import { count } from '../app/format.js'
import { Hook, Panel } from '../app/panel.js'
import { useResource } from '../app/resource.js'
import { SEED_SCENE } from '../app/seed.js'
import type { TextModelInfo } from '../protocol.js'

export interface TextModelPanelProps {
  readonly explorer: Explorer
  readonly info: TextModelInfo
}

export function TextModelPanel({ explorer, info }: TextModelPanelProps) {
  const [text, setText] = useState(SEED_SCENE.passages![0].text)
  const [attention, setAttention] = useState(info.attentions[0].name)
  const [head, setHead] = useState<HeadChoice>(0)
  const [cell, setCell] = useState({ query: 0, key: 0 })
  const map = useResource(
    (signal) => (text.trim() === '' ? undefined : explorer.engine.selfAttention(text, attention, signal)),
    [info, text, attention],
  )
  return (
    <Panel
      id="text-model"
      title={`${info.name} over a text`}
      lead="This model cannot read a passage and answer, so the default reader goes on answering below. Here is where the tokens of a text look in yours."
      facts={[
        ['model', `${info.family}, ${count(info.parameters)} parameters, ${info.numHeads} heads`],
        ['hook point', <Hook>{`${attention}.probs`}</Hook>],
      ]}
      busy={map.stale}
      csv={map.value && (() => mapToCsv(map.value!, head))}
      png={map.value && ((figure) => toPng(map.value!, head, coloursAt(figure)))}
    >
      <label class="ask">
        <span>Text</span>
        <input type="text" value={text} maxLength={2000} onChange={(event) => setText(event.currentTarget.value)} />
      </label>
      {map.error && <p role="alert">{map.error}</p>}
      {map.value && (
        <>
          <h3>Layer, head and map</h3>
          <AttentionView
            attentions={info.attentions}
            attention={attention}
            map={map.value}
            head={head}
            cell={cell}
            onAttention={setAttention}
            onHead={setHead}
            onCell={setCell}
          />
          <TokenView map={map.value} head={head} query={cell.query} onQuery={(query) => setCell({ ...cell, query })} />
        </>
      )}
      <p class="actions">
        <button type="button" onClick={() => void explorer.open({ kind: 'default' })}>
          Close this model
        </button>
      </p>
    </Panel>
  )
}
