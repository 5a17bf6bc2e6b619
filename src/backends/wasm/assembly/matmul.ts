/**
 * matmul: a batch of products A [m, k] x B [k, n] of float32 on any strides. B is packed into panels first, which costs k n moves against
 * m k n multiply-adds. Reference twin: tensor/ops/matmul.ts.
 */
import { PANEL, packStrided } from './pack'
import { tile, TILE_ROWS } from './tile'

/** What the threads read from memory; backends/wasm/kernels.ts writes it. */
@unmanaged
export class MatmulJob {
  a: usize // rows of k neighbours
  b: usize
  out: usize // [batch, m, n]
  starts: usize // for each item of the batch: element where A begins, element where B begins (int32)
  m: i32
  k: i32
  n: i32
  aRow: i32 // elements from row to row of A
  bDown: i32 // elements from one k to the next in B
  bAcross: i32 // elements from one column to the next in B
}

/** Computes items `first` to `end` of the batch. `scratch` holds one tile and all panels of one B. */
export function matmul(job: MatmulJob, first: i32, end: i32, scratch: usize): void {
  const panels = scratch + TILE_ROWS * PANEL * 4
  const panelBytes = (<usize>job.k * PANEL) << 2
  const rowBytes = (<usize>job.aRow) << 2
  const outBytes = (<usize>job.n) << 2
  for (let item = first; item < end; item++) {
    const a = job.a + ((<usize>load<i32>(job.starts + ((<usize>item) << 3))) << 2)
    const b = job.b + ((<usize>load<i32>(job.starts + ((<usize>item) << 3), 4)) << 2)
    const out = job.out + <usize>item * <usize>job.m * outBytes
    packStrided(panels, b, job.k, job.n, job.bDown << 2, job.bAcross << 2)
    for (let column = 0; column < job.n; column += PANEL) {
      const panel = panels + (<usize>column >> 3) * panelBytes
      const columns = min(PANEL, job.n - column)
      for (let row = 0; row < job.m; row += TILE_ROWS) {
        const rows = min(TILE_ROWS, job.m - row)
        const c = out + <usize>row * outBytes + ((<usize>column) << 2)
        if (columns == PANEL) {
          tile(rows, a + <usize>row * rowBytes, rowBytes, panel, PANEL * 4, c, outBytes, job.k)
        } else {
          tile(rows, a + <usize>row * rowBytes, rowBytes, panel, PANEL * 4, scratch, PANEL * 4, job.k)
          for (let r = 0; r < rows; r++) memory.copy(c + <usize>r * outBytes, scratch + r * PANEL * 4, columns << 2)
        }
      }
    }
  }
}
