/**
 * The answer in large, as it is written; below it how sure it is and why it is the one that is given; then what went wrong, if something
 * did. The room for all of it is kept, so that nothing jumps.
 */
import { describeBackend } from '../backends.js'
import type { Explorer } from './explorer.js'
import { percent } from './format.js'
import { GivenAnswer, givenOf, rightOf, WhyGiven, type Given } from './given.js'
import { isJudged } from './quoting-state.js'
import type { Trouble } from './trouble.js'

export interface OpeningProps {
  readonly explorer: Explorer
}

export function Opening({ explorer }: OpeningProps) {
  const shown = explorer.shown.value
  const trouble = explorer.trouble.value
  const busy = explorer.busy.value
  const writing = explorer.writing.value
  const { quoting } = explorer
  const given = shown && givenOf(shown, quoting)
  const isAwaited = shown !== undefined && isJudged(shown) && quoting.stale
  const progress = explorer.progress.value ?? (isAwaited ? quoting.progress : undefined)
  return (
    <section class="opening" aria-label="Answer">
      <div class="answer" aria-busy={busy || isAwaited}>
        {busy && writing !== '' ? (
          <p class="answer-text">{writing}</p>
        ) : shown ? (
          <GivenAnswer walk={shown.walk} given={given} isAwaited={isAwaited} />
        ) : (
          <p class="answer-text waiting">{trouble ? '' : '…'}</p>
        )}
      </div>
      <p class="answer-note">{noteOf(explorer, given, isAwaited)}</p>
      {(!shown || isJudged(shown)) && (
        <p class="answer-note answer-why" role="status">
          {shown && <WhyGiven shown={shown} quoting={quoting} given={given} />}
        </p>
      )}
      <p class="answer-note" role="status">
        {shown && `Computed by ${describeBackend(shown.model.backend)}`}
      </p>
      <p class="unseen" role="status">
        {shown && !busy && !isAwaited ? `Answer: ${given?.text ?? shown.walk.answer.text}` : ''}
      </p>
      {progress && (
        <div class="progress">
          <progress
            aria-label={progress.what}
            {...(progress.total > 0 && { value: progress.done / progress.total, max: 1 })}
          />
        </div>
      )}
      {trouble && <TroubleNote trouble={trouble} explorer={explorer} />}
    </section>
  )
}

function noteOf({ progress, busy, shown }: Explorer, given: Given | undefined, isAwaited: boolean): string {
  if (progress.value) return progress.value.what
  if (busy.value) return 'Reading and writing'
  if (!shown.value) return ''
  const { answer, milliseconds } = shown.value.walk
  const right = given && rightOf(given)
  const isOfWalk = isAwaited ? !answer.abstained : given?.isOfWalk !== false
  return [
    right !== undefined && `Right with probability ${percent(right)}`,
    isOfWalk && `p(answer) ${percent(Math.exp(answer.logProb))}; some passage answers ${percent(answer.pAnswerable)}`,
    `found in ${milliseconds.retrieve.toFixed(0)} ms, read and written in ${milliseconds.read.toFixed(0)} ms`,
  ]
    .filter((part) => part !== false)
    .join('; ')
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
