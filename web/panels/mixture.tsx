/**
 * The weight of each passage at each step, for the mode that is on and, when asked for, for all three side by side: this is where
 * they differ. RAG-Sequence carries the weights from step to step, RAG-Token begins anew with the prior at each token.
 */
import type { RagMode } from 'glassformer'
import { toCsv } from '../csv.js'
import { decimal, passageName, percent, tokenText } from '../app/format.js'
import { MODE_NAMES, MODES } from '../app/modes.js'
import { Panel } from '../app/panel.js'
import type { Resource } from '../app/resource.js'
import type { Walk } from '../protocol.js'

export interface MixturePanelProps {
  readonly walk: Walk
  /** As it is chosen, which may be ahead of the walk. */
  readonly chosen: RagMode
  readonly step: number
  readonly busy: boolean
  /** Walks of all modes, once they were asked for. */
  readonly compared: Resource<readonly Walk[]> | undefined
  readonly onStep: (step: number) => void
  readonly onMode: (mode: RagMode) => void
  readonly onCompare: () => void
}

export function MixturePanel({ walk, chosen, step, busy, compared, onStep, onMode, onCompare }: MixturePanelProps) {
  const { mode } = walk.answer
  return (
    <Panel
      id="mixture"
      title="The mixture decides"
      lead={MODE_NAMES[mode].explains}
      formula={<ModeFormula mode={mode} />}
      facts={[['Lewis et al. 2020', 'section 2.1; “conditioned” is glassformer’s own']]}
      flows={`${walk.answer.tokens.length} tokens`}
      busy={busy}
      csv={() =>
        toCsv([
          ['mode', 'step', 'token', 'passage', 'weight', 'probability'],
          ...(compared?.value ?? [walk]).flatMap(({ answer, steps }) =>
            steps.flatMap(({ chosen, passages }, t) =>
              passages.map(({ weight, chosen: p }, z) => [
                answer.mode,
                t + 1,
                chosen.text,
                answer.passages[z].id,
                weight,
                p,
              ]),
            ),
          ),
        ])
      }
    >
      <div class="segments" role="radiogroup" aria-label="How passages are mixed">
        {MODES.map((name) => (
          <label key={name}>
            <input type="radio" name="mixture-mode" checked={name === chosen} onChange={() => onMode(name)} />
            <span>{MODE_NAMES[name].title}</span>
          </label>
        ))}
      </div>
      {compared?.value ? (
        compared.value.map((other) => (
          <Weights key={other.answer.mode} walk={other} step={step} onStep={onStep} named />
        ))
      ) : (
        <Weights walk={walk} step={step} onStep={onStep} named={false} />
      )}
      {!compared && (
        <button type="button" onClick={onCompare}>
          Compare all three modes
        </button>
      )}
      {compared?.error && <p role="alert">{compared.error}</p>}
      {compared?.value && <p class="aside">{differ(compared.value)}</p>}
    </Panel>
  )
}

interface WeightsProps {
  readonly walk: Walk
  readonly step: number
  readonly named: boolean
  readonly onStep: (step: number) => void
}

/** Passages down, steps across; the darker, the more weight. */
function Weights({ walk, step, named, onStep }: WeightsProps) {
  const { answer, steps } = walk
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={`Weights, ${MODE_NAMES[answer.mode].title}`}>
      <table class="weights">
        <caption class={named ? undefined : 'unseen'}>
          <b>{MODE_NAMES[answer.mode].title}</b> <span class="note">{answer.text}</span>
        </caption>
        <thead>
          <tr>
            <th scope="col">passage</th>
            {steps.map(({ chosen }, t) => (
              <th scope="col" key={t} class={t === step ? 'current' : undefined}>
                <button type="button" class="quiet" onClick={() => onStep(t)}>
                  {chosen.text === '' ? 'end' : tokenText(chosen.text)}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.passages.map((passage, z) => (
            <tr key={passage.id}>
              <th scope="row">
                <span class="badge">{z + 1}</span> {passageName(passage)}
              </th>
              {steps.map(({ passages }, t) => (
                <td
                  key={t}
                  class={t === step ? 'shade current' : 'shade'}
                  style={{ '--share': String(passages[z].weight) }}
                  data-dark={passages[z].weight > 0.5}
                >
                  {percent(passages[z].weight)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function ModeFormula({ mode }: { readonly mode: RagMode }) {
  if (mode === 'rag-token') {
    return (
      <>
        p(<var>y</var> | <var>x</var>) = Π<sub>t</sub> Σ<sub>z</sub> p(<var>z</var> | <var>x</var>) · p(<var>y</var>
        <sub>t</sub> | <var>x</var>, <var>z</var>, <var>y</var>
        <sub>&lt;t</sub>)
      </>
    )
  }
  return (
    <>
      p(<var>y</var> | <var>x</var>) = Σ<sub>z</sub> {mode === 'conditioned' ? 'weight' : 'p'}
      {mode === 'conditioned' ? (
        <sub>z</sub>
      ) : (
        <>
          (<var>z</var> | <var>x</var>)
        </>
      )}{' '}
      · Π<sub>t</sub> p(<var>y</var>
      <sub>t</sub> | <var>x</var>, <var>z</var>, <var>y</var>
      <sub>&lt;t</sub>)
    </>
  )
}

/** In a sentence: whether the modes say the same, and how surely. */
function differ(walks: readonly Walk[]): string {
  const texts = new Set(walks.map(({ answer }) => answer.text))
  const sure = walks.map(({ answer }) => `${MODE_NAMES[answer.mode].title} ${decimal(answer.logProb)}`).join(', ')
  return `${texts.size === 1 ? 'All three give the same answer.' : 'The modes give different answers.'} Log-probability of the answer: ${sure}.`
}
