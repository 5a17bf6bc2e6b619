/**
 * One claim of the story beside what the heads do: how strongly one token looks at another in the head that shows it most, and how
 * much that is against an even spread and against the mean of all heads.
 */
import { percent } from '../app/format.js'
import type { Finding } from '../app/story.js'
import { tokenLabel } from '../attention/tokens.js'
import { headName } from '../attention/map-weights.js'

export interface FindingNoteProps {
  readonly finding: Finding
  readonly isShown: boolean
  readonly onShow: () => void
}

export function FindingNote({ finding, isShown, onShow }: FindingNoteProps) {
  const { from, to, strongest, rank, even, mean } = finding
  const { attention, head, weight } = strongest
  return (
    <div class="finding">
      <p class="finding-pair">
        <q>{tokenLabel(from)}</q> <span aria-label="looks at">→</span> <q>{tokenLabel(to)}</q>
        <b class="number">{percent(weight)}</b>
      </p>
      <p>
        Strongest in <code>{attention}</code>, {headName(head)}, where it is {place(rank)} of its row.{' '}
        {judge(weight, even, rank)} Mean of all heads: {percent(mean)}; an even spread would give {percent(even)}.
      </p>
      <button type="button" aria-pressed={isShown} onClick={onShow}>
        {isShown ? 'Shown below' : 'Show it'}
      </button>
    </div>
  )
}

function place(rank: number): string {
  return rank === 1 ? 'the largest weight' : `weight number ${rank}`
}

/** In a sentence, what the weight is worth. */
function judge(weight: number, even: number, rank: number): string {
  if (rank === 1 && weight > 5 * even) return 'This head does what the story says.'
  if (weight > 2 * even) return 'Some weight goes there, but not most of it.'
  return 'No head does what the story says.'
}
