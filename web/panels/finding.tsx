/**
 * One claim of the story beside what the heads do: how strongly one word looks at another in the head that shows it most, and how
 * much that is against an even spread and against the mean of all heads.
 */
import { percent } from '../app/format.js'
import type { Finding } from '../app/story.js'
import { headName } from '../attention/map-weights.js'

export interface FindingNoteProps {
  readonly finding: Finding
  readonly isShown: boolean
  readonly onShow: () => void
}

export function FindingNote({ finding, isShown, onShow }: FindingNoteProps) {
  const { from, to, strongest, weight, even, mean } = finding
  return (
    <div class="finding">
      <p class="finding-pair">
        <q>{from}</q> <span class="unseen">looks at</span>
        <span aria-hidden="true">→</span> <q>{to}</q>
        <b class="number">{percent(weight)}</b>
      </p>
      <p>
        {judge(finding)} It is strongest in <code>{strongest.attention}</code>, {headName(strongest.head)}. The mean
        over all heads is {percent(mean)}; an even spread would give {percent(even)}.
      </p>
      <button type="button" aria-pressed={isShown} onClick={onShow}>
        {isShown ? 'Shown below' : 'Show it'}
      </button>
    </div>
  )
}

/** In a sentence, what the weight is worth. */
function judge({ weight, even, isFirst, to }: Finding): string {
  if (isFirst && weight > 3 * even) return `One head does what the story says: “${to}” is where this row looks most.`
  if (weight > 2 * even) return 'Some weight goes there, but not most of the row.'
  return 'No head does what the story says.'
}
