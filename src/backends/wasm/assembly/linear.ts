/**
 * linear: activation(x weight^T + bias). The weight lies in panels (pack.ts); a panel is widened once for a block of rows and then stays
 * in the first cache while the tiles walk down the rows of x, which stay in the second:
 *
 *   for each block of rows of x that fits the second cache
 *     for each panel of 8 outputs                 <- shared out among the threads
 *       for each 6 rows of the block: one tile, then bias and activation while it is warm
 *
 * One row of x goes another way (linear-row.ts). Reference twin: tensor/ops/matmul.ts.
 * Ladder: 6 these blocks, 1.2 times rung 5 at 8192 rows and nothing where x fits the cache anyway; 7 two threads, 1.3.
 */
import { finish, LinearJob } from './linear-job'
import { linearRow } from './linear-row'
import { PANEL, widenPanel } from './pack'
import { tile, TILE_ROWS } from './tile'

/** Bytes of x that are worked on at a time. */
const BLOCK_BYTES = 256 * 1024

/** Computes panels `first` to `end`. `scratch` holds one widened panel and one tile. */
export function linear(job: LinearJob, first: i32, end: i32, scratch: usize): void {
  if (job.rows == 1) return linearRow(job, first, end, scratch)
  const k = job.k
  const panelBytes = (<usize>k * PANEL) << (job.dtype == 0 ? 2 : 1)
  const rowBytes = (<usize>k) << 2
  const outBytes = (<usize>job.n) << 2
  const widened = scratch + TILE_ROWS * PANEL * 4
  const block = max(1, BLOCK_BYTES / (<i32>rowBytes * TILE_ROWS)) * TILE_ROWS
  for (let top = 0; top < job.rows; top += block) {
    const bottom = min(top + block, job.rows)
    for (let p = first; p < end; p++) {
      const panel = widenPanel(job.panels + <usize>p * panelBytes, widened, k, job.dtype)
      const columns = min(PANEL, job.n - p * PANEL)
      for (let row = top; row < bottom; row += TILE_ROWS) {
        const rows = min(TILE_ROWS, bottom - row)
        const x = job.x + <usize>row * rowBytes
        const out = job.out + <usize>row * outBytes + ((<usize>p * PANEL) << 2)
        const bias = job.bias ? job.bias + ((<usize>p * PANEL) << 2) : 0
        if (columns == PANEL) {
          tile(rows, x, rowBytes, panel, PANEL * 4, out, outBytes, k)
          finish(out, outBytes, rows, bias, job.activation)
        } else {
          tile(rows, x, rowBytes, panel, PANEL * 4, scratch, PANEL * 4, k)
          finish(scratch, PANEL * 4, rows, bias, job.activation)
          for (let r = 0; r < rows; r++) memory.copy(out + <usize>r * outBytes, scratch + r * PANEL * 4, columns << 2)
        }
      }
    }
  }
}
