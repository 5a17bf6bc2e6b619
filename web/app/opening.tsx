/**
 * The answer in large, as it is written; above it what went wrong, if something did. The room for both is kept, so that nothing jumps.
 */
import { describeBackend } from '../backends.js'
import { AnswerLine } from '../panels/answer-line.js'
import type { Explorer, Trouble } from './explorer.js'
import { percent } from './format.js'

export interface OpeningProps {
  readonly explorer: Explorer
}

export function Opening({ explorer }: OpeningProps) {
  const shown = explorer.shown.value
  const progress = explorer.progress.value
  const trouble = explorer.trouble.value
  const busy = explorer.busy.value
  const writing = explorer.writing.value
  return (
    <section class="opening" aria-label="Answer">
      <div class="answer" aria-busy={busy}>
        {busy && writing !== '' ? (
          <p class="answer-text">{writing}</p>
        ) : shown ? (
          <AnswerLine walk={shown.walk} />
        ) : (
          <p class="answer-text waiting">{trouble ? '' : '…'}</p>
        )}
      </div>
      <p class="answer-note">{noteOf(explorer)}</p>
      <p class="answer-note" role="status">
        {shown && `Computed by ${describeBackend(shown.model.backend)}`}
      </p>
      <p class="unseen" role="status">
        {shown && !busy ? `Answer: ${shown.walk.answer.text}` : ''}
      </p>
      {progress && (
        <div class="progress">
          <progress
            aria-label={`Loading ${progress.what}`}
            {...(progress.total > 0 && { value: progress.done / progress.total, max: 1 })}
          />
        </div>
      )}
      {trouble && <TroubleNote trouble={trouble} explorer={explorer} />}
    </section>
  )
}

function noteOf({ progress, busy, shown }: Explorer): string {
  if (progress.value) return `Loading ${progress.value.what}`
  if (busy.value) return 'Reading and writing'
  if (!shown.value) return ''
  const { answer, milliseconds } = shown.value.walk
  const time = `found in ${milliseconds.retrieve.toFixed(0)} ms, read and written in ${milliseconds.read.toFixed(0)} ms`
  return `p(answer) ${percent(Math.exp(answer.logProb))}; some passage answers ${percent(answer.pAnswerable)}; ${time}`
}

const TITLES: Readonly<Record<Trouble['where'], string>> = {
  link: 'This link could not be read',
  model: 'The models could not be loaded',
  backend: 'This backend could not go on',
  walk: 'This could not be answered',
  file: 'These files could not be used',
}

function TroubleNote({ trouble, explorer }: { readonly trouble: Trouble; readonly explorer: Explorer }) {
  return (
    <div class="trouble" role="alert">
      <p>
        <b>{TITLES[trouble.where]}.</b> {trouble.message}
      </p>
      <p class="actions">
        {(trouble.where === 'walk' || trouble.where === 'model') && (
          <button type="button" onClick={() => explorer.retry()}>
            Try again
          </button>
        )}
        {trouble.where === 'walk' && (
          <button type="button" class="quiet" onClick={() => explorer.reset()}>
            Back to the example
          </button>
        )}
        {(trouble.where === 'link' || trouble.where === 'file' || trouble.where === 'backend') && (
          <button type="button" class="quiet" onClick={() => explorer.report(undefined)}>
            Close
          </button>
        )}
      </p>
    </div>
  )
}
