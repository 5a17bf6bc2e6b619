/**
 * What is asked: the question, how passages are mixed, how many are read, and where they come from.
 */
import { BackendChoice } from './backend-choice.js'
import { FileDrop } from './file-drop.js'
import { PassageEditor } from './passage-editor.js'
import { SERVED, setPassages } from './edits.js'
import { LIMITS } from './address.js'
import { PAUSE, type Explorer } from './explorer.js'
import { count } from './format.js'
import { MODE_NAMES, MODES } from './modes.js'
import { SEED_SCENE } from './seed.js'

export interface SceneFormProps {
  readonly explorer: Explorer
}

export function SceneForm({ explorer }: SceneFormProps) {
  const scene = explorer.scene.value
  const served = explorer.served.value
  const own = scene.passages !== undefined && !scene.served
  return (
    <form class="scene" onSubmit={(event) => event.preventDefault()} aria-label="What is asked">
      <label class="ask">
        <span>Question</span>
        <input
          type="text"
          value={scene.question}
          maxLength={LIMITS.question}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => explorer.edit({ question: event.currentTarget.value }, PAUSE.typing)}
        />
      </label>
      <div class="settings">
        <fieldset>
          <legend>Passages from</legend>
          <div class="segments">
            <label>
              <input
                type="radio"
                name="passages"
                checked={own}
                onChange={() => explorer.edit(setPassages(scene, explorer.ownPassages))}
              />
              <span>{own ? `${scene.passages!.length} of my own` : 'my own'}</span>
            </label>
            <label>
              <input
                type="radio"
                name="passages"
                checked={!own && !scene.served}
                onChange={() => explorer.edit(setPassages(scene, undefined))}
              />
              <span>the corpus</span>
            </label>
            {served && (
              <label>
                <input type="radio" name="passages" checked={scene.served} onChange={() => explorer.edit(SERVED)} />
                <span>{served.corpus}</span>
              </label>
            )}
          </div>
        </fieldset>
        <fieldset>
          <legend>Mixed by</legend>
          <div class="segments">
            {MODES.map((mode) => (
              <label key={mode}>
                <input
                  type="radio"
                  name="mode"
                  checked={scene.mode === mode}
                  onChange={() => explorer.edit({ mode })}
                />
                <span>{MODE_NAMES[mode].title}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <label class="top-k">
          <span>Passages read, k</span>
          <input
            type="number"
            min={1}
            max={LIMITS.topK}
            value={scene.topK}
            onChange={(event) => {
              const { valueAsNumber } = event.currentTarget
              const topK = Math.max(1, Math.min(LIMITS.topK, Math.round(valueAsNumber)))
              if (Number.isFinite(topK)) explorer.edit({ topK })
              event.currentTarget.value = String(Number.isFinite(topK) ? topK : scene.topK)
            }}
          />
        </label>
        <BackendChoice explorer={explorer} />
      </div>
      {served && scene.served && (
        <p class="note">
          The server searches{served.passages === undefined ? '' : ` its ${count(served.passages)} passages`}; what it
          finds is read in this page.
        </p>
      )}
      <FileDrop explorer={explorer} />
      {own && scene.passages && (
        <PassageEditor
          passages={scene.passages}
          onPassages={(passages, pause) => explorer.edit(setPassages(scene, passages), pause)}
          onReset={() => explorer.edit(setPassages(scene, SEED_SCENE.passages))}
        />
      )}
    </form>
  )
}
