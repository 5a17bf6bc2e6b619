/**
 * Scores become probabilities.
 */
import type { Answer } from 'glassformer'
import { Bar } from '../app/bar.js'
import { toCsv } from '../csv.js'
import { decimal, passageName, percent } from '../app/format.js'
import { Panel } from '../app/panel.js'
import type { Walk } from '../protocol.js'

export interface PriorPanelProps {
  readonly walk: Walk
  readonly busy: boolean
}

export function PriorPanel({ walk, busy }: PriorPanelProps) {
  const { answer, scoreScale } = walk
  const byReranker = answer.passages[0].scores?.reranker !== undefined
  const weighed = byReranker ? 'logit' : `${scoreScale} · score`
  const scoreOf = ({ score, scores }: Answer['passages'][number]) => scores?.reranker ?? score
  return (
    <Panel
      id="prior"
      title="Softmax turns scores into a prior"
      lead={`Before anything is read, how likely is it that each passage is the right one? ${byReranker ? 'The reranker’s scores are logits already, and are taken as they are.' : `Likenesses lie close together, so they are multiplied by ${scoreScale} first.`} The exponential then makes the best stand out, and the sum is brought to 1.`}
      formula={
        <>
          p(<var>z</var> | <var>x</var>) = exp({weighed}
          <sub>z</sub>) / Σ<sub>z′</sub> exp({weighed}
          <sub>z′</sub>)
        </>
      }
      facts={[['shape', `[${answer.passages.length}], sums to 1`]]}
      flows={`${answer.passages.length} passages, each with a prior`}
      busy={busy}
      csv={() =>
        toCsv([
          ['id', 'score', 'scaled', 'prior'],
          ...answer.passages.map((p) => [p.id, scoreOf(p), scoreOf(p) * scoreScale, p.prior]),
        ])
      }
    >
      <table class="figures">
        <caption class="unseen">Prior of each passage</caption>
        <thead>
          <tr>
            <th scope="col">passage</th>
            <th scope="col">{byReranker ? 'logit' : 'score'}</th>
            {!byReranker && <th scope="col">× {scoreScale}</th>}
            <th scope="col" class="wide">
              prior
            </th>
          </tr>
        </thead>
        <tbody>
          {answer.passages.map((passage, i) => (
            <tr key={passage.id}>
              <th scope="row">
                <span class="badge">{i + 1}</span> {passageName(passage)}
              </th>
              <td>{decimal(scoreOf(passage))}</td>
              {!byReranker && <td>{decimal(scoreOf(passage) * scoreScale, 2)}</td>}
              <td class="wide">
                <span class="with-bar">
                  <Bar share={passage.prior} strong />
                  <span class="number">{percent(passage.prior)}</span>
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  )
}
