/**
 * What can compute in this worker, and how it is started. gpu.js is fetched only when a backend of it is started, so whether the
 * browser has what it needs is asked of the browser itself.
 */
import { defaultBackend, gpuBackend, referenceBackend, type Backend } from 'glassformer'
import { supportedBuild } from '../../src/backends/wasm/load.js'
import { BACKENDS } from '../backends.js'
import type { BackendName, BackendOffer } from '../protocol.js'

export async function offerBackends(): Promise<BackendOffer[]> {
  return Promise.all(BACKENDS.map(async (name) => ({ name, obstacle: await obstacleOf(name) })))
}

/** @throws GlassformerError where it cannot run */
export function startBackend(name: BackendName): Promise<Backend> | Backend {
  if (name === 'wasm') return defaultBackend()
  if (name === 'reference') return referenceBackend()
  return gpuBackend({ mode: name })
}

async function obstacleOf(name: BackendName): Promise<string | undefined> {
  switch (name) {
    case 'wasm':
      return supportedBuild() ? undefined : 'this browser has no WebAssembly with SIMD'
    case 'reference':
      return undefined
    case 'webgl2':
      return hasWebGL2() ? undefined : 'this browser gives its workers no WebGL 2 context'
    case 'webgpu': {
      const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } }
      if (!gpu) return 'this browser has no WebGPU, or the page does not come over https'
      const adapter = await gpu.requestAdapter().catch(() => undefined)
      return adapter ? undefined : 'this browser has WebGPU, but offers no device on this machine'
    }
    default:
      return name satisfies never
  }
}

function hasWebGL2(): boolean {
  if (typeof OffscreenCanvas === 'undefined') return false
  const context = new OffscreenCanvas(1, 1).getContext('webgl2')
  context?.getExtension('WEBGL_lose_context')?.loseContext() // a page has only a few
  return context !== null
}
