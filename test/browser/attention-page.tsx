/**
 * A page of the explorer's attention panels alone. The numbers come from the test, which records them in Node and hands them
 * over through functions that it puts here.
 */
import { render } from 'preact'
import { useCallback, useEffect, useState } from 'preact/hooks'
import { AblationPanel } from '../../web/attention/ablation-panel.js'
import { AttentionView } from '../../web/attention/attention-view.js'
import { CacheView } from '../../web/attention/cache-view.js'
import { CellDetail } from '../../web/attention/cell-detail.js'
import { strongestHead, type Cell, type HeadChoice } from '../../web/attention/map-weights.js'
import { toPng } from '../../web/attention/png.js'
import { RecurrentPanel } from '../../web/attention/recurrent-panel.js'
import { StepScrubber } from '../../web/attention/step-scrubber.js'
import { TokenView } from '../../web/attention/token-view.js'
import { coloursAt } from '../../web/attention/use-colours.js'
import type { Ablation, AttentionCell, HeadName, RecurrentReading } from '../../web/protocol.js'
import type { CellName, RecordedAttention } from '../support/recorded-attention.js'

/** What the panels draw. */
export interface PanelData extends RecordedAttention {
  readonly recurrent: RecurrentReading
  /** What is looked at first. */
  readonly opened: Cell
}

declare global {
  /** Put here by the test. */
  const panelData: () => Promise<PanelData>
  const cellOf: (name: CellName) => Promise<AttentionCell>
  const ablationOf: (heads: readonly HeadName[]) => Promise<Ablation>
}

function Panels({ data }: { readonly data: PanelData }) {
  const [first] = useState(() => strongestHead(data.maps.slice(0, 4), data.opened)!)
  const [attention, setAttention] = useState(first.attention)
  const [head, setHead] = useState<HeadChoice>(first.head)
  const [cell, setCell] = useState<Cell>(data.opened)
  const [detail, setDetail] = useState<AttentionCell>()
  const [step, setStep] = useState(0)
  const [ablated, setAblated] = useState<readonly HeadName[]>([])
  const [ablation, setAblation] = useState<Ablation>()
  const map = data.maps.find((one) => one.attention === attention)!

  const open = useCallback(
    async (opened: number, at: Cell) => setDetail(await cellOf({ attention, head: opened, ...at })),
    [attention],
  )
  useEffect(() => {
    void ablationOf(ablated).then(setAblation)
  }, [ablated])
  return (
    <>
      <AttentionView
        attentions={data.reader.attentions}
        map={map}
        head={head}
        cell={cell}
        onAttention={setAttention}
        onHead={setHead}
        onCell={setCell}
        onOpen={(opened, at) => void open(opened, at)}
      />
      {detail && (
        <CellDetail
          cell={detail}
          queries={data.maps.find((one) => one.attention === detail.attention)!.queries}
          keys={data.maps.find((one) => one.attention === detail.attention)!.keys}
          onClose={() => setDetail(undefined)}
        />
      )}
      <TokenView map={map} head={head} query={cell.query} onQuery={(query) => setCell({ ...cell, query })} />
      <StepScrubber steps={data.steps} target={data.target} step={step} onStep={setStep} />
      <CacheView steps={data.steps} step={step} target={data.target} source={data.source} reader={data.reader} />
      <AblationPanel
        reader={data.reader}
        ablated={ablated}
        onAblated={setAblated}
        text={data.text}
        result={ablation}
        isBusy={ablation?.ablated.length !== ablated.length}
      />
      <RecurrentPanel reading={data.recurrent} />
    </>
  )
}

const data = await panelData()
render(<Panels data={data} />, document.querySelector('main')!)

/** For the tests: the PNG of a map, and what the browser finds in it. */
export async function pngOf(
  attention: string,
  head: HeadChoice,
): Promise<{ type: string; width: number; height: number }> {
  const map = data.maps.find((one) => one.attention === attention)!
  const blob = await toPng(map, head, coloursAt(document.body))
  const { width, height } = await createImageBitmap(blob)
  return { type: blob.type, width, height }
}
Object.assign(globalThis, { pngOf })
