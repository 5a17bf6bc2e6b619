/**
 * What computes, as a choice. A backend that cannot run here stays in sight, with the reason.
 */
import { BACKENDS, BACKEND_NAMES } from '../backends.js'
import type { Explorer } from './explorer.js'

export interface BackendChoiceProps {
  readonly explorer: Explorer
}

export function BackendChoice({ explorer }: BackendChoiceProps) {
  const chosen = explorer.backend.value
  const obstacles = new Map(explorer.offers.value.map(({ name, obstacle }) => [name, obstacle]))
  const missing = BACKENDS.filter((name) => obstacles.get(name) !== undefined)
  return (
    <fieldset>
      <legend>Computed by</legend>
      <div class="segments">
        {BACKENDS.map((name) => (
          <label key={name}>
            <input
              type="radio"
              name="backend"
              checked={chosen === name}
              disabled={missing.includes(name)}
              aria-describedby={missing.includes(name) ? 'backend-obstacles' : undefined}
              onChange={() => void explorer.switchTo(name)}
            />
            <span>{BACKEND_NAMES[name].title}</span>
          </label>
        ))}
      </div>
      <p class="note obstacles" id="backend-obstacles">
        {missing.map((name) => `${BACKEND_NAMES[name].title}: ${obstacles.get(name)}. `)}
      </p>
    </fieldset>
  )
}
