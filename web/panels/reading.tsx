/**
 * What the reader makes of each passage by itself: its own answer, how sure it is that the passage tells nothing, and how far the passage
 * stands behind the answer in the end. The passage that is chosen here is the one whose attention is shown below.
 */
import { Bar } from '../app/bar.js'
import { toCsv } from '../csv.js'
import { passageName, percent } from '../app/format.js'
import { Panel } from '../app/panel.js'
import { TokenRow } from '../app/token-row.js'
import type { ModelInfo, Walk } from '../protocol.js'

export interface ReadingPanelProps {
  readonly model: ModelInfo
  readonly walk: Walk
  readonly passage: number
  readonly busy: boolean
  readonly onPassage: (passage: number) => void
}

export function ReadingPanel({ model, walk, passage, busy, onPassage }: ReadingPanelProps) {
  const { answer, sources } = walk
  const conditioned = answer.mode === 'conditioned'
  return (
    <Panel
      id="reading"
      title="The reader reads each passage by itself"
      lead="Passage and question go into the reader together, one passage at a time. It writes an answer from each, right or wrong: it reads and does not recall. It may also say “I don’t know.” Choose a passage to look into it below."
      formula={
        conditioned ? (
          <>
            weight<sub>z</sub> ∝ p(<var>z</var> | <var>x</var>) · (1 − p(abstain | <var>x</var>, <var>z</var>)),
            posterior<sub>z</sub> ∝ weight
            <sub>z</sub> · p(<var>y</var> | <var>x</var>, <var>z</var>)
          </>
        ) : (
          <>
            posterior<sub>z</sub> ∝ p(<var>z</var> | <var>x</var>) · p(<var>y</var> | <var>x</var>, <var>z</var>)
          </>
        )
      }
      facts={[
        [
          'read by',
          `${model.reader.name}: ${model.reader.family}, width ${model.reader.dModel}, ${model.reader.numHeads} heads`,
        ],
        ['some passage answers', percent(answer.pAnswerable)],
      ]}
      flows={`${sources[passage].length} tokens of passage ${passage + 1}`}
      busy={busy}
      csv={() =>
        toCsv([
          ['id', 'prior', 'pAbstain', 'posterior', 'answer'],
          ...answer.passages.map((p) => [p.id, p.prior, p.pAbstain, p.posterior, p.answer]),
        ])
      }
    >
      <div class="cards" role="radiogroup" aria-label="Passage to look into">
        {answer.passages.map((read, i) => (
          <label key={read.id} class="card">
            <input type="radio" name="passage" checked={i === passage} onChange={() => onPassage(i)} />
            <span class="card-title">
              <span class="badge">{i + 1}</span> {passageName(read)}
            </span>
            <span class="card-text">{read.text}</span>
            <span class="card-answer">{read.answer}</span>
            <span class="measure">
              <span>says “I don’t know.”</span>
              <Bar share={read.pAbstain} />
              <span class="number">{percent(read.pAbstain)}</span>
            </span>
            <span class="measure">
              <span>stands behind the answer</span>
              <Bar share={read.posterior} strong />
              <span class="number">{percent(read.posterior)}</span>
            </span>
          </label>
        ))}
      </div>
      <h3>What the encoder reads of passage {passage + 1}</h3>
      <TokenRow tokens={sources[passage]} label={`Tokens of passage ${passage + 1} with the question`} />
    </Panel>
  )
}
