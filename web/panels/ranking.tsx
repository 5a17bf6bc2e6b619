/**
 * The dot products of the question with all passages: their picture, the best of them as bars, and one of them taken apart. Here passages are
 * dropped and scores are changed.
 */
import { useState } from 'preact/hooks'
import { Bar } from '../app/bar.js'
import { setScore, toggleDropped } from '../app/edits.js'
import { svgPicture } from '../app/export.js'
import { toCsv } from '../csv.js'
import { count, decimal, passageName } from '../app/format.js'
import { PAUSE } from '../app/explorer.js'
import { Panel } from '../app/panel.js'
import type { ModelInfo, Scene, Walk } from '../protocol.js'
import { Products } from './products.js'
import { ScorePicture } from './score-picture.js'

export interface RankingPanelProps {
  readonly model: ModelInfo
  readonly walk: Walk
  /** The scene as it is edited, which may be ahead of the walk. */
  readonly scene: Scene
  readonly busy: boolean
  readonly onEdit: (change: Partial<Scene>, pause?: number) => void
}

const SHOWN = 10

export function RankingPanel({ model, walk, scene, busy, onEdit }: RankingPanelProps) {
  const { ranking, allScores, answer } = walk
  const [open, setOpen] = useState<string | undefined>(undefined)
  const read = new Map(answer.passages.map(({ id }, i) => [id, i + 1]))
  const rows = ranking.filter(({ id }, i) => i < SHOWN || read.has(id) || scene.dropped.includes(id))
  const opened = ranking.find(({ id }) => id === open) ?? ranking.at(0)
  const most = Math.max(...rows.map(({ score }) => score), 1e-9)
  return (
    <Panel
      id="ranking"
      title="A dot product with every passage"
      lead={`Each passage has such a vector too. Multiplied number by number and summed up, two vectors give their likeness. ${count(allScores.length)} passages are compared; the best ${answer.passages.length} are read. Nothing but this number decides what the reader gets to see.`}
      formula={
        <>
          score(<var>q</var>, <var>p</var>) = Σ<sub>i</sub> <var>q</var>
          <sub>i</sub> · <var>p</var>
          <sub>i</sub>
        </>
      }
      facts={[
        [
          'shape',
          `[${model.encoder.dimension}] · [${count(allScores.length)}, ${model.encoder.dimension}] → [${count(allScores.length)}]`,
        ],
        ['passages', scene.passages ? 'your own' : `the corpus ${model.corpus.name}`],
        ['search', 'exact: every passage is scored'],
      ]}
      flows={`${answer.passages.length} scores`}
      busy={busy}
      csv={() =>
        toCsv([
          ['rank', 'id', 'title', 'text', 'score'],
          ...ranking.map((p, i) => [i + 1, p.id, p.title, p.text, p.score]),
        ])
      }
      png={svgPicture}
    >
      <ScorePicture scores={allScores} read={answer.passages.map(({ score }) => score)} />
      <ol class="ranking" aria-label="The best passages">
        {rows.map((passage) => {
          const { id, score } = passage
          const dropped = scene.dropped.includes(id)
          const changed = scene.scores[id]
          const name = passageName(passage)
          return (
            <li key={id} class={dropped ? 'dropped' : read.has(id) ? 'read' : undefined}>
              <button type="button" class="row" aria-pressed={opened?.id === id} onClick={() => setOpen(id)}>
                <span class={dropped || read.has(id) ? 'badge' : undefined}>{dropped ? '–' : read.get(id)}</span>
                <span class="name">
                  {passage.title && <b>{passage.title} </b>}
                  {passage.text}
                </span>
                <Bar share={score / most} strong={read.has(id) && !dropped} />
                <span class="number">{changed === undefined ? decimal(score) : `was ${decimal(score)}`}</span>
              </button>
              <span class="edits">
                <label>
                  <span class="unseen">Score of {name}</span>
                  <input
                    type="range"
                    min={-1}
                    max={1}
                    step={0.005}
                    value={changed ?? score}
                    aria-valuetext={decimal(changed ?? score)}
                    disabled={dropped}
                    onInput={(event) => onEdit(setScore(scene, id, Number(event.currentTarget.value)), PAUSE.sliding)}
                  />
                </label>
                <input
                  type="number"
                  class="score"
                  min={-1}
                  max={1}
                  step={0.01}
                  value={(changed ?? score).toFixed(3)}
                  aria-label={`Score of ${name}, as a number`}
                  disabled={dropped}
                  onChange={(event) => {
                    const { valueAsNumber } = event.currentTarget
                    if (Number.isFinite(valueAsNumber))
                      onEdit(setScore(scene, id, Math.max(-1, Math.min(1, valueAsNumber))))
                  }}
                />
                <button
                  type="button"
                  class={changed === undefined ? 'quiet kept-out' : 'quiet'}
                  onClick={() => onEdit(setScore(scene, id, undefined))}
                >
                  Undo<span class="unseen"> the score of {name}</span>
                </button>
                <button type="button" class="quiet" onClick={() => onEdit(toggleDropped(scene, id))}>
                  {dropped ? 'Restore' : 'Drop'}
                  <span class="unseen"> {name}</span>
                </button>
              </span>
            </li>
          )
        })}
      </ol>
      {opened?.vector && (
        <>
          <h3>Taken apart: {passageName(opened)}</h3>
          <Products
            question={walk.questionVector}
            passage={opened.vector}
            score={opened.score}
            name={passageName(opened)}
          />
        </>
      )}
    </Panel>
  )
}
