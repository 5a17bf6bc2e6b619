/**
 * The backends by name, in the order in which they are offered, and in words.
 */
import type { BackendInfo, BackendName } from './protocol.js'

export const BACKENDS: readonly BackendName[] = ['wasm', 'reference', 'webgl2', 'webgpu']

/** What computes unless another one is chosen, and where that one is lost. */
export const DEFAULT_BACKEND: BackendName = 'wasm'

export const BACKEND_NAMES: Readonly<Record<BackendName, { readonly title: string; readonly explains: string }>> = {
  wasm: { title: 'WASM', explains: 'kernels in WebAssembly, on the processor' },
  reference: { title: 'TypeScript', explains: 'the plain loops that define what every kernel computes' },
  webgl2: { title: 'GPU, WebGL 2', explains: 'kernels that gpu.js translates to GLSL' },
  webgpu: { title: 'GPU, WebGPU', explains: 'kernels that gpu.js translates to WGSL' },
}

/** Renderers that draw on the processor what a graphics card would. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|lavapipe|microsoft basic render/i

export function isSoftware({ name, description }: BackendInfo): boolean {
  return (name === 'webgl2' || name === 'webgpu') && SOFTWARE.test(description)
}

/** The backend's own words, and what they mean where that is not plain. */
export function describeBackend(info: BackendInfo): string {
  return isSoftware(info) ? `${info.description}, a software renderer` : info.description
}
