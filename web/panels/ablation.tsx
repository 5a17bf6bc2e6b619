/**
 * Heads taken out: what the answer's tokens lose, and what is answered without them.
 */
import { AblationPanel } from '../attention/ablation-panel.js'
import type { Explorer } from '../app/explorer.js'
import { toCsv } from '../csv.js'
import { Hook, Panel } from '../app/panel.js'
import { useResource } from '../app/resource.js'
import type { ModelInfo, Scene, Walk } from '../protocol.js'

export interface AblationStationProps {
  readonly explorer: Explorer
  readonly model: ModelInfo
  readonly walk: Walk
  readonly scene: Scene
  readonly busy: boolean
}

export function AblationStation({ explorer, model, walk, scene, busy }: AblationStationProps) {
  const tried = explorer.tried.value
  const result = useResource(
    (signal) => (tried.length > 0 ? explorer.engine.ablation(tried, signal) : undefined),
    [walk, tried],
  )
  const applied = scene.ablated.length > 0
  return (
    <Panel
      id="ablation"
      title="Take a head away"
      lead="A head that looks at the right word may still be of no use, and one that looks at nothing telling may be. To know, set its output to zero and see what the answer’s tokens lose."
      facts={[
        ['hook point', <Hook>{'*_attention.context'}</Hook>],
        ['measured', 'ln p of each token of the answer, under the most probable passage'],
      ]}
      busy={busy || result.stale}
      csv={
        result.value &&
        (() =>
          toCsv([
            ['token', 'before', 'after', 'likeliest after', 'probability'],
            ...result.value!.tokens.map((t) => [t.text, t.before, t.after, t.likeliest.text, t.likeliest.probability]),
          ]))
      }
    >
      <AblationPanel
        reader={model.reader}
        ablated={tried}
        onAblated={(heads) => explorer.try(heads)}
        text={walk.answer.text}
        result={result.value}
        isBusy={result.stale}
      />
      {result.error && <p role="alert">{result.error}</p>}
      <p class="actions">
        <button type="button" disabled={tried.length === 0} onClick={() => explorer.edit({ ablated: tried })}>
          Walk the whole path without these heads
        </button>
        {applied && (
          <button type="button" class="quiet" onClick={() => explorer.edit({ ablated: [] })}>
            Put all heads back ({scene.ablated.length} out)
          </button>
        )}
      </p>
    </Panel>
  )
}
