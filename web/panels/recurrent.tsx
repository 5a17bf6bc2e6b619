/**
 * The passage read by an LSTM, one word after the other, beside the encoder that reads all words at once.
 */
import { RecurrentPanel } from '../attention/recurrent-panel.js'
import type { Explorer } from '../app/explorer.js'
import { toCsv } from '../csv.js'
import { Panel } from '../app/panel.js'
import { useResource } from '../app/resource.js'
import type { Walk } from '../protocol.js'

export interface RecurrentStationProps {
  readonly explorer: Explorer
  readonly walk: Walk
  readonly passage: number
  readonly busy: boolean
}

export function RecurrentStation({ explorer, walk, passage, busy }: RecurrentStationProps) {
  const { text } = walk.answer.passages[passage]
  const reading = useResource((signal) => explorer.engine.recurrent(text, signal), [walk, text])
  const { value } = reading
  return (
    <Panel
      id="recurrent"
      title="The same text, word by word"
      lead="Before attention, a network read a text in order and kept one state. What the first word said has to survive every word after it. In the encoder each word is one step away from any other."
      formula={
        <>
          <var>h</var>
          <sub>t</sub>, <var>c</var>
          <sub>t</sub> = LSTM(<var>x</var>
          <sub>t</sub>, <var>h</var>
          <sub>t−1</sub>, <var>c</var>
          <sub>t−1</sub>)
        </>
      }
      busy={busy || reading.stale}
      csv={
        value &&
        (() =>
          toCsv([
            ['word', 'LSTM influence', 'encoder influence'],
            ...value.words.map((word, i) => [word, value.influence[i], value.encoderInfluence[i]]),
          ]))
      }
    >
      {reading.error && <p role="alert">{reading.error}</p>}
      {value && <RecurrentPanel reading={value} />}
    </Panel>
  )
}
