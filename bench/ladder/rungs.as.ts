/**
 * The ladder to the linear kernel, rung by rung; what each adds is measured by bench/groups/ladder.ts. AssemblyScript, compiled by the bench
 * and not shipped. Rung 0 is the plain TypeScript of src/tensor/ops/matmul.ts, the last ones are the kernels themselves.
 */
import { LinearJob } from '../../src/backends/wasm/assembly/linear-job'
import { PANEL } from '../../src/backends/wasm/assembly/pack'
import { fma, splat, sumLanes } from '../../src/backends/wasm/assembly/simd'
import { tile, TILE_ROWS } from '../../src/backends/wasm/assembly/tile'

export { linear } from '../../src/backends/wasm/assembly/linear'
export { linearInt8, packInt8, quantizeInput } from '../../src/backends/wasm/assembly/int8'
export { packPanels } from '../../src/backends/wasm/assembly/pack'

/** Rung 1: the triple loop, one number at a time. The weight is row-major. */
export function scalar(job: LinearJob): void {
  for (let row = 0; row < job.rows; row++) {
    for (let column = 0; column < job.n; column++) {
      const x = job.x + ((row * job.k) << 2)
      const w = job.panels + ((column * job.k) << 2)
      let sum: f32 = 0
      for (let i = 0; i < job.k; i++) sum += load<f32>(x + (i << 2)) * load<f32>(w + (i << 2))
      store<f32>(job.out + ((row * job.n + column) << 2), sum)
    }
  }
}

/** Rung 2: four products at a time along k, and the four sums added up at the end. */
export function simdDot(job: LinearJob): void {
  for (let row = 0; row < job.rows; row++) {
    for (let column = 0; column < job.n; column++) {
      const x = job.x + ((row * job.k) << 2)
      const w = job.panels + ((column * job.k) << 2)
      let sums = splat(0)
      for (let i = 0; i < job.k; i += 4) sums = fma(v128.load(x + (i << 2)), v128.load(w + (i << 2)), sums)
      store<f32>(job.out + ((row * job.n + column) << 2), sumLanes(sums))
    }
  }
}

/** Rung 3: the weight in panels, eight outputs of one row at a time; no sum has to be added up. */
export function panelRow(job: LinearJob): void {
  tiles(job, 1)
}

/** Rung 4: six rows share each weight that is loaded. */
export function tile6(job: LinearJob): void {
  tiles(job, TILE_ROWS)
}

function tiles(job: LinearJob, together: i32): void {
  const rowBytes = (<usize>job.k) << 2
  const outBytes = (<usize>job.n) << 2
  for (let column = 0; column < job.n; column += PANEL) {
    const panel = job.panels + <usize>column * rowBytes
    for (let row = 0; row < job.rows; row += together) {
      const out = job.out + <usize>row * outBytes + ((<usize>column) << 2)
      tile(min(together, job.rows - row), job.x + <usize>row * rowBytes, rowBytes, panel, PANEL * 4, out, outBytes, job.k)
    }
  }
}
