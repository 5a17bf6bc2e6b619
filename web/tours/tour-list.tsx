/**
 * The tours to choose from.
 */
import type { Tour } from './tour.js'
import { TOURS } from './tours.js'

export interface TourListProps {
  readonly current: Tour | undefined
  /** Whether there is something to lead through. */
  readonly isReady: boolean
  readonly onTour: (tour: Tour) => void
}

export function TourList({ current, isReady, onTour }: TourListProps) {
  return (
    <nav class="tours" aria-labelledby="tours-title">
      <h2 id="tours-title">Eight guided tours</h2>
      <ol>
        {TOURS.map((tour) => (
          <li key={tour.title}>
            <button type="button" aria-pressed={tour === current} disabled={!isReady} onClick={() => onTour(tour)}>
              {tour.title}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  )
}
