/**
 * The end of the path: the answer with, for each token, the passages that stand behind it and the words that the decoder looked at.
 */
import type { Source } from 'glassformer'
import { useState } from 'preact/hooks'
import provenance from '../../bench/results/provenance.json' with { type: 'json' }
import { Bar } from '../app/bar.js'
import { toCsv } from '../csv.js'
import { count, decimal, percent } from '../app/format.js'
import { Panel } from '../app/panel.js'
import type { Walk } from '../protocol.js'
import { AnswerLine } from './answer-line.js'
import { piecesOf, sourcesOf, wordAt } from './sources.js'

/** The recorded causal check over all content tokens; `npm run provenance` records it. */
const CHECKED = provenance.rows[0].sources

export interface AnswerPanelProps {
  readonly walk: Walk
  readonly step: number
  readonly busy: boolean
  readonly onStep: (step: number) => void
}

export function AnswerPanel({ walk, step, busy, onStep }: AnswerPanelProps) {
  const [hovered, setHovered] = useState<number | undefined>(undefined)
  const { answer } = walk
  const token = Math.min(hovered ?? step, answer.tokens.length - 1)
  const { text, posterior } = answer.tokens[token]
  const sources = sourcesOf(walk, token)
  return (
    <Panel
      id="provenance"
      title="The answer, and where each token came from"
      lead="For each token: how far each passage stands behind it, which follows exactly from the probabilities, and the words that the decoder looked at while it wrote it, averaged over all heads and layers."
      formula={
        answer.mode === 'rag-token' ? (
          <>
            p(<var>z</var> | <var>y</var>
            <sub>t</sub>) ∝ weight<sub>z</sub> · p(<var>y</var>
            <sub>t</sub> | <var>x</var>, <var>z</var>, <var>y</var>
            <sub>&lt;t</sub>)
          </>
        ) : (
          <>
            p(<var>z</var> | <var>y</var>
            <sub>≤t</sub>) ∝ weight<sub>z</sub> · Π<sub>s≤t</sub> p(<var>y</var>
            <sub>s</sub> | <var>x</var>, <var>z</var>, <var>y</var>
            <sub>&lt;s</sub>)
          </>
        )
      }
      facts={[
        ['word weight', 'posterior of the passage × mean cross-attention'],
        ['sum of the log-probabilities', `ln p(answer) = ${decimal(answer.logProb, 4)}`],
      ]}
      busy={busy}
      csv={() =>
        toCsv([
          ['token', 'logProb', ...answer.passages.map(({ id }) => `posterior ${id}`), 'words'],
          ...answer.tokens.map((t, i) => [
            t.text,
            t.logProb,
            ...t.posterior,
            sourcesOf(walk, i)
              .map((source) => `${wordAt(walk, source)} ${source.weight.toFixed(3)}`)
              .join('; '),
          ]),
        ])
      }
    >
      <AnswerLine walk={walk} token={step} onToken={onStep} onHover={setHovered} />
      <ol class="behind" aria-label={`Passages behind ${text.trim() || 'the end'}`}>
        {answer.passages.map((passage, z) => (
          <li key={passage.id}>
            <span class="measure">
              <span>
                <span class="badge">{z + 1}</span> behind “{text.trim() || 'end'}”
              </span>
              <Bar share={posterior[z]} strong />
              <span class="number">{percent(posterior[z])}</span>
            </span>
            <p class="source-text">
              {passage.title && (
                <b>
                  <Marked text={passage.title} words={of(sources, 'title', z)} />{' '}
                </b>
              )}
              <Marked text={passage.text} words={of(sources, 'text', z)} />
            </p>
            {walk.stages && <p class="citation">{walk.ranking.find(({ id }) => id === passage.id)?.citation}</p>}
          </li>
        ))}
        <li>
          <span class="measure">
            <span>the question</span>
          </span>
          <p class="source-text">
            <Marked text={answer.question} words={of(sources, 'question', undefined)} />
          </p>
        </li>
      </ol>
      <p class="aside">
        What this does not show: that the answer is true, or that the token would not have been written without these
        words. Attention says where the decoder looked. To know what a token depended on, take a word out of a passage
        above and see what falls. That was done for the default reader on {provenance.questions} questions: deleting the
        word named first lowered the token’s probability more than deleting another word did in {percent(CHECKED.rate)}{' '}
        of {count(CHECKED.cases)} cases.
      </p>
    </Panel>
  )
}

function of(sources: readonly Source[], field: Source['field'], passage: number | undefined): Source[] {
  return sources.filter((source) => source.field === field && source.passage === passage)
}

function Marked({ text, words }: { readonly text: string; readonly words: readonly Source[] }) {
  return (
    <>
      {piecesOf(text, words).map(({ text: piece, weight }, i) =>
        weight > 0 ? (
          <mark key={i} style={{ '--share': String(Math.min(1, weight * 2)) }}>
            {piece}
            <small>{percent(weight)}</small>
          </mark>
        ) : (
          piece
        ),
      )}
    </>
  )
}
