/**
 * The path: each station gets the walk and what is looked at in it.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { RagMode } from 'glassformer'
import { AblationStation } from '../panels/ablation.js'
import { AnswerPanel } from '../panels/answer.js'
import { BackendsPanel } from '../panels/backends.js'
import { DecoderPanel } from '../panels/decoder.js'
import { DistributionsPanel } from '../panels/distributions.js'
import { EncoderPanel } from '../panels/encoder.js'
import { KernelsPanel } from '../panels/kernels.js'
import { MixturePanel } from '../panels/mixture.js'
import { PriorPanel } from '../panels/prior.js'
import { QuotingPanel } from '../panels/quoting.js'
import { QuestionPanel } from '../panels/question.js'
import { RankingPanel } from '../panels/ranking.js'
import { ReadingPanel } from '../panels/reading.js'
import { RecurrentStation } from '../panels/recurrent.js'
import { ServedRankingPanel } from '../panels/served-ranking.js'
import { TextModelPanel } from '../panels/text-model.js'
import { VectorPanel } from '../panels/vector.js'
import { skipTo } from './skip.js'
import type { Explorer } from './explorer.js'
import { useResource } from './resource.js'
import { STATIONS } from './stations.js'

export interface PathProps {
  readonly explorer: Explorer
}

export function Path({ explorer }: PathProps) {
  const shown = explorer.shown.value
  const selection = explorer.selection.value
  const [compares, setCompares] = useState(false)
  const compared = useResource(
    (signal) => (shown && compares ? explorer.engine.modes(signal) : undefined),
    [shown, compares],
  )
  const { quoting } = explorer
  if (!shown || !selection) return <div id="path" />
  const { model, walk, story } = shown
  const { passage, encoder, decoder } = selection
  const step = decoder.query
  const busy = explorer.busy.value
  const at = { model, walk, busy }
  const onStep = (query: number) => explorer.select({ decoder: { ...decoder, query } })
  return (
    <div class="path-with-contents">
      <Contents />
      <div id="path" class="path" tabIndex={-1}>
        {model.textModel && <TextModelPanel explorer={explorer} info={model.textModel} />}
        <QuestionPanel {...at} />
        <VectorPanel {...at} />
        {walk.stages ? (
          <ServedRankingPanel {...at} stages={walk.stages} explorer={explorer} />
        ) : (
          <RankingPanel {...at} scene={explorer.scene.value} onEdit={(change, pause) => explorer.edit(change, pause)} />
        )}
        <PriorPanel {...at} />
        <ReadingPanel {...at} passage={passage} onPassage={(chosen) => explorer.select({ passage: chosen })} />
        <QuotingPanel {...at} passage={passage} quoting={quoting} />
        <EncoderPanel {...at} explorer={explorer} story={story} passage={passage} cell={encoder} quoting={quoting} />
        <DecoderPanel {...at} explorer={explorer} story={story} passage={passage} cell={decoder} onStep={onStep} />
        <DistributionsPanel {...at} step={step} onStep={onStep} />
        <MixturePanel
          {...at}
          chosen={explorer.scene.value.mode}
          step={step}
          onStep={onStep}
          compared={compares ? compared : undefined}
          onCompare={() => setCompares(true)}
          onMode={(mode: RagMode) => explorer.edit({ mode })}
        />
        <AnswerPanel {...at} step={step} onStep={onStep} />
        <p class="part">Two experiments</p>
        <AblationStation {...at} explorer={explorer} scene={explorer.scene.value} />
        <RecurrentStation {...at} explorer={explorer} passage={passage} />
        <p class="part">Underneath</p>
        <BackendsPanel {...at} explorer={explorer} />
        <KernelsPanel {...at} explorer={explorer} />
      </div>
    </div>
  )
}

/** Where on the path one is. */
function Contents() {
  const [current, setCurrent] = useState<string>('')
  const list = useRef<HTMLElement>(null)
  useEffect(() => {
    const link = list.current?.querySelector<HTMLElement>('[aria-current]')
    if (link) list.current!.scrollLeft = link.offsetLeft - list.current!.clientWidth / 3
  }, [current])
  useEffect(() => {
    const seen = new Set<string>()
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (isIntersecting) seen.add(target.id)
          else seen.delete(target.id)
        }
        setCurrent(STATIONS.find(({ id }) => seen.has(id))?.id ?? '')
      },
      { rootMargin: '-30% 0px -60% 0px' },
    )
    for (const { id } of STATIONS) observer.observe(document.getElementById(id)!)
    return () => observer.disconnect()
  }, [])
  return (
    <nav class="contents" ref={list} aria-label="Stations of the path">
      <ol>
        {STATIONS.map(({ id, name }) => (
          <li key={id}>
            <a
              href={`#${id}`}
              aria-current={current === id ? 'step' : undefined}
              onClick={(event) => skipTo(event, id)}
            >
              {name}
            </a>
          </li>
        ))}
      </ol>
    </nav>
  )
}
