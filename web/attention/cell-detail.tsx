/**
 * Every number behind one cell of an attention map, in the order in which it is computed: q·k, scale and bias, softmax, and what the key's value
 * adds to the query's context. All come from the engine's hook points; each step is done again beside them as a check.
 */
import { useId, useState } from 'preact/hooks'
import type { AttentionCell, Token } from '../protocol.js'
import { checkProb, checkScore, products, softmaxParts } from './cell-arithmetic.js'
import { CheckLine } from './check-line.js'
import { exact, fixed } from './digits.js'
import { NumberStrip } from './number-strip.js'
import { ScoreRow } from './score-row.js'
import { tokenLabel } from './tokens.js'

export interface CellDetailProps {
  readonly cell: AttentionCell
  readonly queries: readonly Token[]
  readonly keys: readonly Token[]
  readonly onClose: () => void
}

export function CellDetail({ cell, queries, keys, onClose }: CellDetailProps) {
  const { attention, head, query, key } = cell
  const title = useId()
  const [marked, setMarked] = useState(0)
  const component = Math.min(marked, cell.q.length - 1)
  return (
    <section class="cell-detail" aria-labelledby={title}>
      <header>
        <h3 id={title}>
          How <q>{tokenLabel(queries[query])}</q> looks at <q>{tokenLabel(keys[key])}</q>
        </h3>
        <button type="button" onClick={onClose}>
          Close
        </button>
        <p class="note">
          Head {head} of <code>{attention}</code>, query {query}, key {key}.
        </p>
      </header>
      <label class="component-slider">
        <span>
          Component {component + 1} of {cell.q.length}
        </span>
        <input
          type="range"
          min={0}
          max={cell.q.length - 1}
          value={component}
          aria-valuetext={`${component + 1}: q ${fixed(cell.q[component], 4)}, k ${fixed(cell.k[component], 4)}, v ${fixed(cell.v[component], 4)}`}
          onInput={(event) => setMarked(event.currentTarget.valueAsNumber)}
        />
      </label>
      <ol>
        <DotStep cell={cell} marked={component} onMark={setMarked} />
        <ScoreStep cell={cell} />
        <SoftmaxStep cell={cell} keys={keys} />
        <ValueStep cell={cell} marked={component} onMark={setMarked} />
      </ol>
    </section>
  )
}

interface StripStepProps {
  readonly cell: AttentionCell
  readonly marked: number
  readonly onMark: (index: number) => void
}

function DotStep({ cell, marked, onMark }: StripStepProps) {
  const { attention, q, k, dot } = cell
  const terms = products(cell)
  return (
    <li>
      <h4>Query times key</h4>
      <p class="formula">dot = Σᵢ qᵢ · kᵢ</p>
      <p class="note">
        Two vectors of {q.length} numbers, from <code>{attention}.q</code> and <code>.k</code>. Where both point the
        same way, the product is positive.
      </p>
      <NumberStrip name="q" values={q} marked={marked} onMark={onMark} />
      <NumberStrip name="k" values={k} marked={marked} onMark={onMark} />
      <NumberStrip name="q·k" values={terms} marked={marked} onMark={onMark} />
      <p class="digits">
        {exact(q[marked])} × {exact(k[marked])} = {exact(terms[marked])}
      </p>
      <p class="result">
        dot = <b>{exact(dot)}</b>
      </p>
    </li>
  )
}

function ScoreStep({ cell }: { readonly cell: AttentionCell }) {
  const { attention, dot, scale, bias, score } = cell
  return (
    <li>
      <h4>Scale and bias</h4>
      <p class="formula">score = dot · scale + bias</p>
      <p class="note">
        The scale is 1/√{cell.q.length} in most models and 1 in a T5. The bias is what a T5 adds for the distance
        between two places, and −∞ where a mask hides the key. The result is <code>{attention}.scores</code>.
      </p>
      <dl class="equation">
        <Term name="dot" value={dot} />
        <Term sign="×" name="scale" value={scale} />
        <Term sign="+" name="bias" value={bias} />
        <Term sign="=" name="score" value={score} />
      </dl>
      <CheckLine what="From q, k, scale and bias as shown it is" check={checkScore(cell)} />
    </li>
  )
}

function SoftmaxStep({ cell, keys }: { readonly cell: AttentionCell; readonly keys: readonly Token[] }) {
  const { attention, rowScores, rowProbs, key, prob, score } = cell
  const { max, numerator, denominator } = softmaxParts(cell)
  return (
    <li>
      <h4>Softmax over the row</h4>
      <p class="formula">prob = exp(score − max) / Σⱼ exp(scoreⱼ − max)</p>
      <p class="note">
        The scores of all {keys.length} keys compete; the weights, <code>{attention}.probs</code>, sum to 1.
      </p>
      <ScoreRow keys={keys} scores={rowScores} probs={rowProbs} marked={key} />
      <p class="digits">
        exp({fixed(score, 4)} − {fixed(max, 4)}) / Σ = {exact(Math.fround(numerator))} /{' '}
        {exact(Math.fround(denominator))}
      </p>
      <p class="result">
        prob = <b>{exact(prob)}</b>
      </p>
      <CheckLine what="From the scores as shown it is" check={checkProb(cell)} />
    </li>
  )
}

function ValueStep({ cell, marked, onMark }: StripStepProps) {
  const { attention, v, prob, weighted, context } = cell
  return (
    <li>
      <h4>What the value adds</h4>
      <p class="formula">context = Σⱼ probⱼ · vⱼ</p>
      <p class="note">
        The key's value, from <code>{attention}.v</code>, comes into the query's <code>.context</code> with the weight
        prob. The last strip is the engine's sum over all keys. Each strip is drawn to its own largest number.
      </p>
      <NumberStrip name="v" values={v} marked={marked} onMark={onMark} />
      <NumberStrip name="prob·v" values={weighted} marked={marked} onMark={onMark} />
      <NumberStrip name="context" values={context} marked={marked} onMark={onMark} />
      <p class="digits">
        {exact(prob)} × {exact(v[marked])} = {exact(weighted[marked])}, a part of {exact(context[marked])}
      </p>
    </li>
  )
}

function Term({ sign, name, value }: { readonly sign?: string; readonly name: string; readonly value: number }) {
  return (
    <div>
      <dt>
        {sign && <span>{sign} </span>}
        {name}
      </dt>
      <dd>{exact(value)}</dd>
    </div>
  )
}
