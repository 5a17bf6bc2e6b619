/**
 * gpu.js in the modes that run in Node without a graphics driver: `webasm` and `cpu`. Kernels are passed as strings, since it parses
 * their source.
 */
import { requirePeer } from './install.js'

/** A matrix or a stack of matrices as it takes them: flat, with sizes from the fastest axis on. */
export type GpuInput = object

export type GpuKernel = (...inputs: readonly (GpuInput | GpuRows)[]) => GpuRows | Promise<GpuRows>

/** Nested rows of Float32Arrays. */
export type GpuRows = Float32Array | readonly GpuRows[]

interface Gpu {
  createKernel(source: string, options: { constants: object; output: readonly number[] }): GpuKernel
  destroy(): unknown
}

export interface GpuJs {
  readonly GPU: new (options: { mode: string }) => Gpu
  readonly input: (data: Float32Array, sizes: readonly number[]) => GpuInput
}

export function loadGpuJs(): Promise<GpuJs> {
  return requirePeer<GpuJs>('gpu.js')
}

/** Builds a program in each mode that runs here and keeps the one that was fastest at its second run. */
export async function bestMode<T extends () => Promise<GpuRows>>(
  gpuJs: GpuJs,
  build: (gpu: Gpu) => T,
): Promise<{ mode: string; run: T }> {
  let best: { mode: string; run: T; seconds: number } | undefined
  const problems: string[] = []
  for (const mode of ['webasm', 'cpu']) {
    try {
      const run = build(new gpuJs.GPU({ mode }))
      await run() // compiles
      const start = performance.now()
      await run()
      const seconds = performance.now() - start
      if (!best || seconds < best.seconds) best = { mode, run, seconds }
    } catch (error) {
      problems.push(`${mode}: ${(error as Error).message}`)
    }
  }
  if (!best) throw new Error(`gpu.js runs in no mode here (${problems.join('; ')})`)
  return best
}

/** All numbers in row-major order. */
export function flatten(rows: GpuRows): Float32Array {
  if (rows instanceof Float32Array) return rows
  const parts = rows.map(flatten)
  const flat = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    flat.set(part, at)
    at += part.length
  }
  return flat
}
