/**
 * What the server found in its documents: for each passage its rank and score in every stage of the search, and how the order changed from
 * stage to stage. Here passages are dropped, and one is looked at closely.
 */
import { useState } from 'preact/hooks'
import { toggleDropped } from '../app/edits.js'
import type { Explorer } from '../app/explorer.js'
import { svgPicture } from '../app/export.js'
import { count, decimal, passageName } from '../app/format.js'
import { Panel } from '../app/panel.js'
import { useResource } from '../app/resource.js'
import { toCsv } from '../csv.js'
import type { ModelInfo, RankedPassage, SearchStage, Walk } from '../protocol.js'
import { Products } from './products.js'
import { RankChart } from './rank-chart.js'
import { STAGE_NAMES } from './stage-names.js'

export interface ServedRankingPanelProps {
  readonly explorer: Explorer
  readonly model: ModelInfo
  readonly walk: Walk
  readonly stages: readonly SearchStage[]
  readonly busy: boolean
}

const SHOWN = 10

const WHAT: Readonly<Record<SearchStage['name'], string>> = {
  dot: 'compares the vector of the question with those of the passages',
  text: 'looks for the words of the question',
  rrf: 'makes one order of both: what stands high in either comes first',
  reranker: 'reads question and passage together, and decides',
}

export function ServedRankingPanel({ explorer, model, walk, stages, busy }: ServedRankingPanelProps) {
  const { ranking, answer } = walk
  const scene = explorer.scene.value
  const served = explorer.served.value
  const [open, setOpen] = useState<string | undefined>(undefined)
  const read = new Map(answer.passages.map(({ id }, i) => [id, i + 1]))
  const rows = ranking.filter(({ id }, i) => i < SHOWN || read.has(id) || scene.dropped.includes(id))
  const opened = ranking.find(({ id }) => id === open) ?? ranking[0]
  const several = stages.length > 1
  return (
    <Panel
      id="ranking"
      title="Found by the server, stage by stage"
      lead={
        <>
          The passages come from {served ? `${served.corpus}, ` : ''}the documents of the server that this page came
          from. {several ? 'Its search has stages:' : 'Its search has one stage:'}{' '}
          {stages.map(({ name, method }, i) => (
            <span key={name}>
              {i > 0 && '; '}
              <b>{STAGE_NAMES[name]}</b> ({method}) {WHAT[name]}
            </span>
          ))}
          . The best {answer.passages.length === 1 ? 'one is' : `${answer.passages.length} are`} read, in this page and
          by its own reader.
        </>
      }
      formula={stages.some(({ name }) => name === 'rrf') ? <Fusion /> : <DotProduct />}
      facts={[
        ...(served?.passages === undefined ? [] : [['searched', `${count(served.passages)} passages`] as const]),
        ['shown', `the best ${rows.length} of the ${ranking.length} that the server sent`],
        ['vectors', `[${model.encoder.dimension}], made by ${model.encoder.name} on both sides`],
      ]}
      flows={`${answer.passages.length} ${answer.passages.length === 1 ? 'passage' : 'passages'} with ${answer.passages.length === 1 ? 'its score' : 'their scores'}`}
      busy={busy}
      csv={() => csvOf(ranking, stages)}
      {...(several && { png: svgPicture })}
    >
      {several && <RankChart stages={stages} passages={rows} read={new Set(read.keys())} />}
      <div class="scroll" role="region" aria-label="Passages by stage" tabIndex={0}>
        <table class="stages">
          <caption class="unseen">Rank and score of each passage in each stage, best first</caption>
          <thead>
            <tr>
              <th scope="col">passage</th>
              {stages.map(({ name, method }) => (
                <th scope="col" key={name}>
                  {STAGE_NAMES[name]}
                  <small>{method}</small>
                </th>
              ))}
              <td />
            </tr>
          </thead>
          <tbody>
            {rows.map((passage) => {
              const { id } = passage
              const dropped = scene.dropped.includes(id)
              const name = passageName(passage)
              return (
                <tr key={id} class={dropped ? 'dropped' : read.has(id) ? 'read' : undefined}>
                  <th scope="row">
                    <button type="button" class="found" aria-pressed={opened.id === id} onClick={() => setOpen(id)}>
                      <span class={dropped || read.has(id) ? 'badge' : undefined}>{dropped ? '–' : read.get(id)}</span>
                      <span class="name">
                        {passage.title && <b>{passage.title} </b>}
                        {passage.text}
                      </span>
                    </button>
                  </th>
                  {stages.map((stage) => (
                    <StageCell
                      key={stage.name}
                      passage={passage}
                      stage={stage}
                      stages={stages}
                      place={ranking.indexOf(passage)}
                    />
                  ))}
                  <td>
                    <button type="button" class="quiet" onClick={() => explorer.edit(toggleDropped(scene, id))}>
                      {dropped ? 'Restore' : 'Drop'}
                      <span class="unseen"> {name}</span>
                    </button>
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
      {several && <p class="aside">▲ and ▼: places up or down, {comparisons(stages)}.</p>}
      {opened && <Opened explorer={explorer} walk={walk} passage={opened} />}
    </Panel>
  )
}

/** Rank and score, and how far the rank moved since the order before. */
function StageCell({
  passage,
  stage: { name },
  stages,
  place,
}: {
  readonly passage: RankedPassage
  readonly stage: SearchStage
  readonly stages: readonly SearchStage[]
  readonly place: number
}) {
  const rank = rankIn(passage, name, stages, place)
  const score = scoreIn(passage, name)
  if (rank === undefined) {
    return (
      <td>
        <span class="missing">{name === 'text' ? 'none of the words' : 'not among the nearest'}</span>
        {score !== undefined && <small>{decimal(score)}</small>}
      </td>
    )
  }
  const before = orderBefore(name, stages)
  const was = before && rankIn(passage, before, stages, place)
  const moved = before === undefined ? 0 : was === undefined ? undefined : was - rank
  return (
    <td>
      <b>{rank}</b> {moved === undefined ? <small class="moved">new</small> : moved !== 0 && <Moved by={moved} />}
      {score !== undefined && <small>{decimal(score, name === 'rrf' ? 4 : 3)}</small>}
    </td>
  )
}

function Moved({ by }: { readonly by: number }) {
  return (
    <small class="moved">
      <span aria-hidden="true">
        {by > 0 ? '▲' : '▼'}
        {Math.abs(by)}
      </span>
      <span class="unseen">
        {by > 0 ? 'up' : 'down'} {Math.abs(by)}
      </span>
    </small>
  )
}

/** A search of one stage has no ranks but the places of what it found. */
function rankIn(
  { ranks }: RankedPassage,
  name: SearchStage['name'],
  stages: readonly SearchStage[],
  place: number,
): number | undefined {
  return stages.length === 1 ? place + 1 : ranks?.[name]
}

function scoreIn({ score, scores }: RankedPassage, name: SearchStage['name']): number | undefined {
  return name === 'dot' ? score : scores?.[name]
}

/** The stage whose order this one changes: words stand beside the vectors and change none. */
function orderBefore(name: SearchStage['name'], stages: readonly SearchStage[]): SearchStage['name'] | undefined {
  if (name === 'dot' || name === 'text') return undefined
  return name === 'reranker' && stages.some((stage) => stage.name === 'rrf') ? 'rrf' : 'dot'
}

/** `the fusion compared with the vectors, the reranker with the fusion` */
function comparisons(stages: readonly SearchStage[]): string {
  const pairs = stages.flatMap(({ name }) => {
    const before = orderBefore(name, stages)
    return before ? [[STAGE_NAMES[name], STAGE_NAMES[before]]] : []
  })
  return pairs.map(([name, before], i) => `the ${name} ${i === 0 ? 'compared ' : ''}with the ${before}`).join(', ')
}

/** The passage as it stands, where it stands, and its dot product taken apart. */
function Opened({
  explorer,
  walk,
  passage,
}: {
  readonly explorer: Explorer
  readonly walk: Walk
  readonly passage: RankedPassage
}) {
  const { id, title, text, score, citation } = passage
  const vector = useResource((signal) => explorer.engine.embed({ id, title, text }, signal), [walk, id])
  const name = passageName(passage)
  return (
    <>
      <h3>Looked at closely: {name}</h3>
      <p class="source-text">{text}</p>
      <p class="citation">{citation}</p>
      {vector.error && <p role="alert">{vector.error}</p>}
      {vector.value && !vector.stale && (
        <Products
          question={walk.questionVector}
          passage={vector.value}
          score={score}
          name={name}
          scorer="the server’s"
        />
      )}
    </>
  )
}

function Fusion() {
  return (
    <>
      fusion(<var>p</var>) = Σ<sub>vectors, words</sub> 1 / (60 + rank(<var>p</var>))
    </>
  )
}

function DotProduct() {
  return (
    <>
      score(<var>q</var>, <var>p</var>) = Σ<sub>i</sub> <var>q</var>
      <sub>i</sub> · <var>p</var>
      <sub>i</sub>
    </>
  )
}

function csvOf(ranking: readonly RankedPassage[], stages: readonly SearchStage[]): string {
  return toCsv([
    ['place', 'id', 'title', 'text', 'citation', ...stages.flatMap(({ name }) => [`${name} rank`, `${name} score`])],
    ...ranking.map((passage, place) => [
      place + 1,
      passage.id,
      passage.title,
      passage.text,
      passage.citation ?? '',
      ...stages.flatMap(({ name }) => [rankIn(passage, name, stages, place) ?? '', scoreIn(passage, name) ?? '']),
    ]),
  ])
}
