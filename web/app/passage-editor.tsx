/**
 * One's own passages: change, add, remove, or take those of the example again.
 */
import type { ScenePassage } from '../protocol.js'
import { LIMITS } from './address.js'
import { freeId } from './edits.js'
import { PAUSE } from './explorer.js'

export interface PassageEditorProps {
  readonly passages: readonly ScenePassage[]
  readonly onPassages: (passages: readonly ScenePassage[], pause?: number) => void
  readonly onReset: () => void
}

/** More than these are not shown as fields: they came from a file, where they are better edited. */
const MOST_FIELDS = 50

export function PassageEditor({ passages, onPassages, onReset }: PassageEditorProps) {
  const change = (id: string, part: Partial<ScenePassage>) =>
    onPassages(
      passages.map((passage) => (passage.id === id ? { ...passage, ...part } : passage)),
      PAUSE.typing,
    )
  return (
    <details class="editor">
      <summary>Edit the passages</summary>
      <ol>
        {passages.slice(0, MOST_FIELDS).map(({ id, title, text }, i) => (
          <li key={id}>
            <input
              type="text"
              value={title}
              placeholder="Title (may be empty)"
              aria-label={`Title of passage ${i + 1}`}
              maxLength={200}
              onInput={(event) => change(id, { title: event.currentTarget.value })}
            />
            <textarea
              rows={2}
              value={text}
              placeholder="Text of the passage"
              aria-label={`Text of passage ${i + 1}`}
              maxLength={LIMITS.text - 200}
              onInput={(event) => change(id, { text: event.currentTarget.value })}
            />
            <button
              type="button"
              class="quiet"
              disabled={passages.length === 1}
              onClick={() => onPassages(passages.filter((passage) => passage.id !== id))}
            >
              Remove<span class="unseen"> passage {i + 1}</span>
            </button>
          </li>
        ))}
      </ol>
      {passages.length > MOST_FIELDS && (
        <p>{passages.length - MOST_FIELDS} more came from the file. Edit the file to change them.</p>
      )}
      <p class="actions">
        <button
          type="button"
          onClick={() => onPassages([...passages, { id: freeId(passages), title: '', text: 'Write a passage here.' }])}
        >
          Add a passage
        </button>
        <button type="button" class="quiet" onClick={onReset}>
          Take the example’s passages
        </button>
      </p>
    </details>
  )
}
