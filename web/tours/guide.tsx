/**
 * The guide: a side panel that leads along a tour, beside the page that stays usable. It is a dialog without being modal: focus goes to
 * each stop's heading, Escape ends the tour, and what a task waits for is said to screen readers when it is done.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Explorer } from '../app/explorer.js'
import { useResource } from '../app/resource.js'
import type { Tour } from './tour.js'

export interface GuideProps {
  readonly explorer: Explorer
  readonly tour: Tour
  readonly onEnd: () => void
}

export function Guide({ explorer, tour, onEnd }: GuideProps) {
  const [at, setAt] = useState(0)
  // a task cannot be done before its stop has set the scene
  const [reached, setReached] = useState(-1)
  const [solved, setSolved] = useState<ReadonlySet<number>>(new Set())
  const heading = useRef<HTMLHeadingElement>(null)
  const stop = tour.stops[at]
  const isLast = at === tour.stops.length - 1

  useEffect(() => {
    if (stop.scene) explorer.edit(stop.scene)
    if (stop.select) explorer.select(stop.select)
    const panel = document.getElementById(stop.at)
    setReached(at)
    panel?.setAttribute('data-toured', '')
    panel?.scrollIntoView()
    heading.current?.focus({ preventScroll: true })
    return () => panel?.removeAttribute('data-toured')
  }, [stop])

  const isDone = useIsDone(explorer, reached === at ? stop.task?.isDone : undefined)
  useEffect(() => {
    if (isDone) setSolved((last) => new Set([...last, at]))
  }, [isDone, at])
  const passed = !stop.task || solved.has(at)

  return (
    <div
      class="guide"
      role="dialog"
      aria-labelledby="guide-title"
      onKeyDown={(event) => {
        if (event.key === 'Escape') onEnd()
      }}
    >
      <p class="guide-progress">
        <span>
          {at + 1} of {tour.stops.length}
        </span>
        <button type="button" class="quiet" onClick={onEnd}>
          End the tour
        </button>
      </p>
      <h2 id="guide-title" ref={heading} tabIndex={-1}>
        {tour.title}
      </h2>
      <p>{stop.text}</p>
      {stop.task && (
        <p class="guide-task">
          <b>{passed ? 'Done.' : 'Your turn.'}</b> {stop.task.ask}
        </p>
      )}
      <p class="guide-done" role="status">
        {stop.task && passed ? stop.task.done : ''}
      </p>
      {isLast && passed && (
        <p class="note">
          The lesson <code>lessons/{tour.lesson}</code> builds the same by hand, as a program to run and to change.
        </p>
      )}
      <p class="actions">
        <button type="button" disabled={at === 0} onClick={() => setAt(at - 1)}>
          Back
        </button>
        {isLast ? (
          <button type="button" class="primary" onClick={onEnd}>
            {passed ? 'Finish' : 'Leave it open'}
          </button>
        ) : (
          <button type="button" class="primary" onClick={() => setAt(at + 1)}>
            {passed ? 'Next' : 'Skip'}
          </button>
        )}
      </p>
    </div>
  )
}

/** Whether the state that is shown passes a check; never while a walk is under way. */
function useIsDone(
  explorer: Explorer,
  check: NonNullable<Tour['stops'][number]['task']>['isDone'] | undefined,
): boolean {
  const shown = explorer.shown.value
  const selection = explorer.selection.value
  const mapOf = (stack: 'encoder' | 'decoder') => () =>
    selection && explorer.attention(selection[stack].attention, selection.passage)
  const inputs = [shown, selection?.passage]
  const encoder = useResource(mapOf('encoder'), [...inputs, selection?.encoder.attention])
  const decoder = useResource(mapOf('decoder'), [...inputs, selection?.decoder.attention])
  if (!check || !shown || !selection || explorer.busy.value) return false
  return check({ walk: shown.walk, selection, encoder: encoder.value, decoder: decoder.value })
}
