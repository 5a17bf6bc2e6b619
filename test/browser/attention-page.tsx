/**
 * A page of the explorer's attention panels alone, around numbers that the test recorded and put beside it as JSON.
 */
import { render } from 'preact'
import { useState } from 'preact/hooks'
import { AttentionView } from '../../web/attention/attention-view.js'
import type { Cell, HeadChoice } from '../../web/attention/map-weights.js'
import type { AttentionMap, ReaderInfo, Step, Token } from '../../web/protocol.js'

/** What the test hands over: RecordedAttention without its functions, typed arrays as lists. */
export interface PanelData {
  readonly reader: ReaderInfo
  readonly source: readonly Token[]
  readonly target: readonly Token[]
  readonly steps: readonly Step[]
  readonly maps: readonly AttentionMap[]
}

function Page({ data }: { readonly data: PanelData }) {
  const [attention, setAttention] = useState('encoder.0.self_attention')
  const [head, setHead] = useState<HeadChoice>(0)
  const [cell, setCell] = useState<Cell>({ query: 0, key: 0 })
  const map = data.maps.find((one) => one.attention === attention)!
  return (
    <main>
      <AttentionView
        attentions={data.reader.attentions}
        map={map}
        head={head}
        cell={cell}
        onAttention={setAttention}
        onHead={setHead}
        onCell={setCell}
        onOpen={() => undefined}
      />
    </main>
  )
}

/** Typed arrays were written as `{ "float32": [...] }`. */
function revive(_name: string, value: unknown): unknown {
  const list = (value as { float32?: (number | null)[] } | null)?.float32
  return list ? Float32Array.from(list, (x) => x ?? -Infinity) : value
}

const data = JSON.parse(await (await fetch('/data.json')).text(), revive) as PanelData
render(<Page data={data} />, document.querySelector('main')!)
