/**
 * The question as one vector.
 */
import { svgPicture } from '../app/export.js'
import { toCsv } from '../csv.js'
import { decimal } from '../app/format.js'
import { Panel } from '../app/panel.js'
import type { ModelInfo, Walk } from '../protocol.js'
import { VectorStrip } from './vector-strip.js'

export interface VectorPanelProps {
  readonly model: ModelInfo
  readonly walk: Walk
  readonly busy: boolean
}

export function VectorPanel({ model, walk, busy }: VectorPanelProps) {
  const { questionVector } = walk
  const length = Math.hypot(...questionVector)
  return (
    <Panel
      id="vector"
      title="The encoder makes one vector of it"
      lead={`${model.encoder.numLayers} layers of self-attention give every token a vector that knows its neighbours. Their mean, brought to length 1, stands for the question. No single number means anything; the direction does.`}
      formula={
        <>
          <var>q</var> = mean<sub>t</sub>(<var>h</var>
          <sub>t</sub>) / ‖mean<sub>t</sub>(<var>h</var>
          <sub>t</sub>)‖
        </>
      }
      facts={[
        ['shape', `[${questionVector.length}]`],
        ['length', decimal(length, 6)],
      ]}
      flows={`${questionVector.length} numbers`}
      busy={busy}
      csv={() => toCsv([['dimension', 'value'], ...Array.from(questionVector, (value, i) => [i, value])])}
      png={svgPicture}
    >
      <VectorStrip vector={questionVector} label="The question's vector" />
    </Panel>
  )
}
