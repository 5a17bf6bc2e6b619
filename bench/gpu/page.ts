/**
 * The page's side of the group `gpu`, bundled with gpu.js.
 */
import type { GpuBackend, GpuMode } from '../../src/backends/index.js'
import { startGpuBackend } from '../../src/backends/gpu/gpu.js'
import { measureSquare, type Measured, type SquareOptions } from './square.js'

const backends = new Map<GpuMode, Promise<GpuBackend>>()

function open(mode: GpuMode): Promise<GpuBackend> {
  if (!backends.has(mode)) backends.set(mode, startGpuBackend({ mode }))
  return backends.get(mode)!
}

export const bench = {
  describe: async (mode: GpuMode): Promise<string> => (await open(mode)).describe(),
  measure: async (mode: GpuMode, n: number, options: SquareOptions): Promise<Measured> =>
    measureSquare(await open(mode), n, options),
}
Object.assign(globalThis, { bench })
