/**
 * The kernels of a GPU backend: each as it is written in TypeScript, beside the shader that gpu.js makes of it for this device, and the
 * hook points that it works for.
 */
import { useState } from 'preact/hooks'
import { BACKEND_NAMES } from '../backends.js'
import type { Explorer } from '../app/explorer.js'
import { Hook, Panel } from '../app/panel.js'
import { useResource } from '../app/resource.js'
import type { BackendName, KernelInfo, ModelInfo, Walk } from '../protocol.js'
import { writtenKernel } from './kernel-sources.js'
import { layOutShader, splitShader } from './shader-text.js'

export interface KernelsPanelProps {
  readonly explorer: Explorer
  readonly model: ModelInfo
  readonly walk: Walk
  readonly busy: boolean
}

/** Hook points that are named before the rest is only counted. */
const NAMED = 6

const COMPILED_BEFORE: Readonly<Partial<Record<BackendName, string>>> = {
  wasm: 'The kernels that compute now are WebAssembly, compiled from AssemblyScript when the library was made. Their source is not part of this page.',
  reference:
    'The kernels that compute now are TypeScript, compiled with the page. Their source is not part of it as text.',
}

export function KernelsPanel({ explorer, model, walk, busy }: KernelsPanelProps) {
  const { name } = model.backend
  const isGpu = name === 'webgl2' || name === 'webgpu'
  const [isOpen, setOpen] = useState(false)
  const [chosen, setChosen] = useState('')
  const kernels = useResource(
    (signal) => (isGpu && isOpen ? explorer.engine.kernels(signal) : undefined),
    [walk, isGpu, isOpen],
  )
  const { value } = kernels
  const kernel = value?.find((each) => titleOf(each) === chosen) ?? value?.find(isProduct) ?? value?.[0]
  return (
    <Panel
      id="kernels"
      title="The kernels themselves"
      lead="A graphics card runs one small function for every element of a result, thousands at once. These functions are written in TypeScript as text; gpu.js translates them into the language of the device while the page runs."
      busy={busy || kernels.stale}
    >
      {isGpu ? (
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Hide' : 'Show'} the kernels that {BACKEND_NAMES[name].title} compiled
        </button>
      ) : (
        <p>{COMPILED_BEFORE[name]} On WebGL 2 or WebGPU, each kernel is shown here as written and as translated.</p>
      )}
      {kernels.error && <p role="alert">{kernels.error}</p>}
      {value && kernel && (
        <>
          <label class="ask kernel-choice">
            <span>Kernel, of {value.length} compiled so far</span>
            <select value={titleOf(kernel)} onChange={(event) => setChosen(event.currentTarget.value)}>
              {value.map((each) => (
                <option key={titleOf(each)} value={titleOf(each)}>
                  {titleOf(each)}
                </option>
              ))}
            </select>
          </label>
          <Kernel kernel={kernel} />
        </>
      )}
    </Panel>
  )
}

function Kernel({ kernel }: { readonly kernel: KernelInfo }) {
  const written = writtenKernel(kernel.name)
  const language = kernel.generated.startsWith('#version') ? 'GLSL' : 'WGSL'
  const { before, own } = splitShader(kernel.generated)
  return (
    <div class="kernel">
      <p class="lead">{written?.computes}</p>
      <dl class="uses">
        <div>
          <dt>Used for</dt>
          <dd>
            <Uses kernel={kernel} />
          </dd>
        </div>
        <div>
          <dt>Counted</dt>
          <dd>
            while the question was embedded and its answer read and scored once more, each launch at the hook point that
            came next
          </dd>
        </div>
        <div>
          <dt>Compiled for</dt>
          <dd>{kernel.shapes ?? 'results of any shape'}</dd>
        </div>
      </dl>
      <div class="code-pair">
        <figure>
          <figcaption>
            TypeScript, as written in <code>{written?.path}</code>
          </figcaption>
          <Code label={`${kernel.name} in TypeScript`} text={written?.declaration ?? ''} />
        </figure>
        <figure>
          <figcaption>{language}, as gpu.js translated it; line breaks are the page’s</figcaption>
          <Code label={`${kernel.name} in ${language}`} text={layOutShader(own)} />
        </figure>
      </div>
      <details>
        <summary>Between the two: the function that gpu.js was given, every position written out</summary>
        <Code label={`${kernel.name} as gpu.js was given it`} text={kernel.source} />
      </details>
      {before !== '' && (
        <details>
          <summary>The {before.split('\n').length} lines that gpu.js puts before a kernel</summary>
          <Code label={`what stands before ${kernel.name}`} text={before} />
        </details>
      )}
    </div>
  )
}

/** Where it was launched when this walk's answer was read and scored once. */
function Uses({ kernel: { forVector, atPoints } }: { readonly kernel: KernelInfo }) {
  if (forVector === 0 && atPoints.length === 0) {
    return (
      <>nothing in this walk’s passes; another part of the page, such as the LSTM or a recording, had it compiled</>
    )
  }
  const rest = atPoints.slice(NAMED).reduce((sum, { launches }) => sum + launches, 0)
  return (
    <ul>
      {forVector > 0 && <li>the question’s vector: {launched(forVector)}</li>}
      {atPoints.slice(0, NAMED).map(({ point, launches }) => (
        <li key={point}>
          <Hook>{point}</Hook>: {launched(launches)}
        </li>
      ))}
      {rest > 0 && (
        <li>
          {atPoints.length - NAMED} more hook points: {launched(rest)}
        </li>
      )}
    </ul>
  )
}

/** It scrolls in its box, also by the keyboard. */
function Code({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <pre class="code" tabIndex={0} role="region" aria-label={label}>
      <code>{text}</code>
    </pre>
  )
}

const isProduct = ({ name }: KernelInfo) => name === 'product' || name === 'linear'

function titleOf({ name, shapes }: KernelInfo): string {
  return shapes === undefined ? name : `${name}, ${shapes}`
}

function launched(count: number): string {
  return count === 1 ? '1 launch' : `${count} launches`
}
