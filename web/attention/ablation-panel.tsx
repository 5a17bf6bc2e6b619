/**
 * Switching heads off: their output is set to zero and the same answer is scored again. What changes was due to them, which their weights
 * alone do not tell.
 */
import type { Ablation, AttentionName, HeadName, ReaderInfo } from '../protocol.js'
import { fixed } from './digits.js'
import { attentionLabel } from './head-picker.js'
import { tokenLabel } from './tokens.js'

export interface AblationPanelProps {
  readonly reader: Pick<ReaderInfo, 'attentions' | 'numHeads'>
  readonly ablated: readonly HeadName[]
  readonly onAblated: (heads: readonly HeadName[]) => void
  /** The answer without ablation. */
  readonly text: string
  /** Undefined until the engine answers; the last one stays while the next is computed. */
  readonly result: Ablation | undefined
  readonly isBusy: boolean
}

export function AblationPanel({ reader, ablated, onAblated, text, result, isBusy }: AblationPanelProps) {
  return (
    <section class="ablation-panel" aria-label="Ablation of heads" aria-busy={isBusy}>
      <p class="note">
        A large weight does not say that a head matters; switching it off shows whether it does. Its context is set to
        zero in the pass (<code>*.context</code>), all else is computed as before.
      </p>
      <HeadGrid reader={reader} ablated={ablated} onAblated={onAblated} />
      <p>
        {ablated.length} {ablated.length === 1 ? 'head is' : 'heads are'} off.{' '}
        <button type="button" disabled={ablated.length === 0} onClick={() => onAblated([])}>
          All on again
        </button>
      </p>
      {result && <Outcome text={text} result={result} />}
    </section>
  )
}

type HeadGridProps = Pick<AblationPanelProps, 'reader' | 'ablated' | 'onAblated'>

function HeadGrid({ reader: { attentions, numHeads }, ablated, onAblated }: HeadGridProps) {
  const isOff = (attention: AttentionName, head: number) =>
    ablated.some((one) => one.attention === attention && one.head === head)
  const toggle = (attention: AttentionName, heads: readonly number[]) => {
    const areOff = heads.every((head) => isOff(attention, head))
    const others = ablated.filter((one) => one.attention !== attention || !heads.includes(one.head))
    onAblated(areOff ? others : [...others, ...heads.map((head) => ({ attention, head }))])
  }
  const heads = Array.from({ length: numHeads }, (_, head) => head)
  return (
    <div class="head-grid">
      <table>
        <thead>
          <tr>
            <th scope="col">layer</th>
            {heads.map((head) => (
              <th scope="col" key={head}>
                {head}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {attentions.map((info) => (
            <tr key={info.name}>
              <th scope="row">{attentionLabel(info)}</th>
              {heads.map((head) => (
                <td key={head}>
                  <button
                    type="button"
                    class="head-switch"
                    aria-pressed={isOff(info.name, head)}
                    aria-label={`${attentionLabel(info)}, head ${head} off`}
                    onClick={() => toggle(info.name, [head])}
                  />
                </td>
              ))}
              <td>
                <button
                  type="button"
                  class="head-all"
                  aria-label={`${attentionLabel(info)}, all heads`}
                  onClick={() => toggle(info.name, heads)}
                >
                  all
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Outcome({ text, result: { tokens, text: now } }: { readonly text: string; readonly result: Ablation }) {
  return (
    <>
      <p class="ablation-answers" aria-live="polite">
        <span class="note">Answer before</span> <span>{text}</span>
        <span class="note">Answer now</span> <b>{now === text ? 'the same' : now}</b>
      </p>
      <div class="table-box" tabIndex={0} role="region" aria-label="Log-probabilities of the answer's tokens">
        <table class="ablation-table">
          <caption>
            Log-probability of each token of the first answer under the most probable passage; 0 is certain. Bars show
            probability.
          </caption>
          <thead>
            <tr>
              <th scope="col">token</th>
              <th scope="col" colSpan={2}>
                before
              </th>
              <th scope="col" colSpan={2}>
                now
              </th>
              <th scope="col">change</th>
              <th scope="col">likeliest now</th>
            </tr>
          </thead>
          <tbody>
            {tokens.map(({ text: token, before, after, likeliest }, i) => (
              <tr key={i}>
                <th scope="row">{tokenLabel({ text: token })}</th>
                <td>
                  <span class="bar" style={{ '--share': Math.exp(before) }} />
                </td>
                <td class="number">{fixed(before, 2)}</td>
                <td>
                  <span class="bar" style={{ '--share': Math.exp(after) }} />
                </td>
                <td class="number">{fixed(after, 2)}</td>
                <td class="number">{fixed(after - before, 2)}</td>
                <td>
                  {tokenLabel(likeliest)} <small>{fixed(likeliest.probability, 2)}</small>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}
