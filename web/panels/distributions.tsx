/**
 * What would be written next at one step: by the mixture of all passages, and by each passage alone.
 */
import { Bar } from '../app/bar.js'
import { toCsv } from '../csv.js'
import { passageName, percent, tokenText } from '../app/format.js'
import { Hook, Panel } from '../app/panel.js'
import type { Likely, ModelInfo, Walk } from '../protocol.js'

export interface DistributionsPanelProps {
  readonly model: ModelInfo
  readonly walk: Walk
  readonly step: number
  readonly busy: boolean
  readonly onStep: (step: number) => void
}

const SHOWN = 6

export function DistributionsPanel({ model, walk, step, busy, onStep }: DistributionsPanelProps) {
  const { answer, steps } = walk
  const { chosen, mixture, passages } = steps[step]
  return (
    <Panel
      id="distributions"
      title="Each passage proposes a next token"
      lead="At every step each passage has a probability for each token of the vocabulary. The passages’ distributions, each with its weight, add up to the mixture. Choose a step to see what was on the table."
      formula={
        <>
          p(<var>y</var>
          <sub>t</sub> | <var>x</var>, <var>y</var>
          <sub>&lt;t</sub>) = Σ<sub>z</sub> weight<sub>z,t</sub> · softmax(logits<sub>z,t</sub>)
        </>
      }
      facts={[
        ['shape', `[${passages.length} passages, ${model.reader.vocabSize} tokens]`],
        ['hook point', <Hook>logits</Hook>],
      ]}
      flows={`${passages.length} distributions at each of ${steps.length} steps`}
      busy={busy}
      csv={() =>
        toCsv([
          ['step', 'chosen', 'from', 'token', 'probability'],
          ...steps.flatMap((at, t) => [
            ...at.mixture.map((likely) => [t + 1, at.chosen.text, 'mixture', likely.text, likely.probability]),
            ...at.passages.flatMap(({ likeliest }, z) =>
              likeliest.map((likely) => [
                t + 1,
                at.chosen.text,
                answer.passages[z].id,
                likely.text,
                likely.probability,
              ]),
            ),
          ]),
        ])
      }
    >
      <div class="steps" role="radiogroup" aria-label="Decoding step">
        {steps.map(({ chosen: token }, t) => (
          <label key={t} class="step">
            <input type="radio" name="step" checked={t === step} onChange={() => onStep(t)} />
            <span>{writtenText(token.text)}</span>
          </label>
        ))}
      </div>
      <div class="proposals">
        <Proposals
          title="Mixture"
          note={`writes ${writtenText(chosen.text)}`}
          likeliest={mixture}
          chosen={chosen}
          strong
        />
        {passages.map(({ likeliest, weight, chosen: share }, z) => (
          <Proposals
            key={answer.passages[z].id}
            badge={z + 1}
            title={passageName(answer.passages[z])}
            note={`weight ${percent(weight)}`}
            likeliest={likeliest}
            chosen={{ ...chosen, probability: share }}
          />
        ))}
      </div>
    </Panel>
  )
}

interface ProposalsProps {
  readonly badge?: number
  readonly title: string
  readonly note: string
  readonly likeliest: readonly Likely[]
  readonly chosen: Likely
  readonly strong?: boolean
}

/** The likeliest tokens; the chosen one is added where it is not among them. */
function Proposals({ badge, title, note, likeliest, chosen, strong = false }: ProposalsProps) {
  const rows = likeliest.slice(0, SHOWN)
  if (!rows.some(({ id }) => id === chosen.id)) rows.splice(SHOWN - 1, 1, chosen)
  return (
    <table class={strong ? 'proposals-of strong' : 'proposals-of'}>
      <caption>
        {badge !== undefined && <span class="badge">{badge}</span>} <b>{title}</b> <span class="note">{note}</span>
      </caption>
      <tbody>
        {rows.map(({ id, text, probability }) => (
          <tr key={id} class={id === chosen.id ? 'chosen' : undefined}>
            <th scope="row">
              {writtenText(text)}
              {id === chosen.id && <span class="unseen"> (chosen)</span>}
            </th>
            <td class="wide">
              <Bar share={probability} strong={id === chosen.id} />
            </td>
            <td class="number">{percent(probability)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function writtenText(text: string): string {
  return text === '' ? 'end' : tokenText(text)
}
