/**
 * What computes: the walk in sight on each backend that it was tried on, with how long that took and what came out.
 */
import { BACKENDS, BACKEND_NAMES, describeBackend, isSoftware } from '../backends.js'
import type { Explorer, Run } from '../app/explorer.js'
import { decimal } from '../app/format.js'
import { Panel } from '../app/panel.js'
import { toCsv } from '../csv.js'
import type { BackendName, ModelInfo } from '../protocol.js'

export interface BackendsPanelProps {
  readonly explorer: Explorer
  readonly model: ModelInfo
  readonly busy: boolean
}

export function BackendsPanel({ explorer, model, busy }: BackendsPanelProps) {
  const runs = explorer.runs.value
  const tried = runs.map(({ backend }) => backend)
  return (
    <Panel
      id="backends"
      title="What computes"
      lead="The passes are written once, against a list of kernels: products, attention, norms. A backend is a set of these kernels. Choose another one, and the models are loaded there and the same question is walked again."
      busy={busy}
      csv={() =>
        toCsv([
          ['backend', 'description', 'retrieval ms', 'reading ms', 'ln p(answer)', 'answer'],
          ...runs.map(({ backend, milliseconds: { retrieve, read }, logProb, answer }) => [
            ...[backend.name, backend.description, retrieve, read, logProb, answer],
          ]),
        ])
      }
    >
      <div class="scroll">
        <table class="figures runs">
          <caption class="unseen">The walk in sight on each backend</caption>
          <thead>
            <tr>
              <th scope="col">Backend</th>
              <th scope="col">First run</th>
              <th scope="col">Latest run</th>
              <th scope="col">ln p(answer)</th>
              <th scope="col">
                <span class="unseen">Run it</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {BACKENDS.map((name) => (
              <BackendRow
                key={name}
                explorer={explorer}
                name={name}
                runs={runs.filter(({ backend }) => backend.name === name)}
                isCurrent={model.backend.name === name}
              />
            ))}
          </tbody>
        </table>
      </div>
      <p class="aside">
        Milliseconds of retrieval, reading and writing, each of one run on this device, with whatever else it was doing:
        an impression and no benchmark. A run just after a switch also compiles kernels, and embeds passages of your
        own.
        {tried.some(isSoftware) && ' A software renderer lets the processor do the work of a graphics card, slowly.'}
        {tried.some(({ isInt8 }) => isInt8)
          ? ' WASM and TypeScript multiply 8-bit integers on this page and the GPU float32, so their numbers differ from about the third digit on.'
          : ' Every backend computes in float32 and adds in an order of its own, so numbers may differ from about the sixth digit on.'}
      </p>
    </Panel>
  )
}

interface BackendRowProps {
  readonly explorer: Explorer
  readonly name: BackendName
  /** Of this backend, first to last. */
  readonly runs: readonly Run[]
  readonly isCurrent: boolean
}

function BackendRow({ explorer, name, runs, isCurrent }: BackendRowProps) {
  const { title, explains } = BACKEND_NAMES[name]
  const obstacle = explorer.offers.value.find((offer) => offer.name === name)?.obstacle
  const latest = runs.at(-1)
  return (
    <tr class={isCurrent ? 'current' : undefined}>
      <th scope="row">
        {title}
        {isCurrent && <span class="now"> computed what is shown</span>}
        <span class="note">{latest ? describeBackend(latest.backend) : (obstacle ?? explains)}</span>
      </th>
      <td>{runs[0] && time(runs[0])}</td>
      <td>{runs.length > 1 && time(latest!)}</td>
      <td>{latest && decimal(latest.logProb, 6)}</td>
      <td>
        <button
          type="button"
          disabled={obstacle !== undefined}
          onClick={() => (isCurrent ? explorer.retry() : void explorer.switchTo(name))}
        >
          {isCurrent ? 'Run again' : 'Run here'}
          <span class="unseen">: {title}</span>
        </button>
      </td>
    </tr>
  )
}

function time({ milliseconds: { retrieve, read } }: Run): string {
  return `${(retrieve + read).toFixed(0)} ms`
}
