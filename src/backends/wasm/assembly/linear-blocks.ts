/**
 * linear from a weight in blocks: activation(x weight^T + bias), with x quantised by blocks of 32 (block-input.ts). One row or few read the
 * panels as they are (block-row.ts); for more rows a panel is opened once (block-open.ts) and then used for all of them (block-tile.ts), while it
 * lies in a cache. What the sums of x add, for formats with minima or offsets, is a small product of floats.
 * Reference twin: tensor/ops/blocks.ts.
 */
import { blockPanelBytes, extraBits, hasMinimum, inPairs, lowBits, offsetOf, subOf, tileSubOf } from './block-formats'
import { openPanel } from './block-open'
import { blockRow } from './block-row'
import { BLOCK_TILE_ROWS, BlockTile, blockTile, LONG, PAIRS, SHORT, SHORT_TILE_ROWS } from './block-tile'
import { finish } from './linear-job'
import { PANEL } from './pack'
import { tile } from './tile'

/** What the threads read from memory; backends/wasm/kernels.ts writes it. */
@unmanaged
export class BlockJob {
  x: usize // [rows, k] int8 or int16, in tiles (block-input.ts)
  xScales: usize // [rows, k / 32] float32
  xSums: usize // [rows, k / sub] float32
  panels: usize // block-formats.ts
  bias: usize // [ceil(n / 8) * 8] or 0
  out: usize // [rows, n]
  rows: i32
  k: i32
  n: i32
  format: i32
  activation: i32
}

/** Bytes of quantised x that are worked on at a time. */
const BLOCK_BYTES = 128 * 1024
/** Rows of x for which a panel is not opened. */
const FEW_ROWS = 3
const TILE_BYTES = BLOCK_TILE_ROWS * PANEL * 4

/** Whether the integers of x are of 16 bits, for weights of a format. */
export function blockInputInPairs(format: i32): bool {
  return inPairs(format)
}

/** Columns over which x is summed, for weights of a format. */
export function blockInputSub(format: i32): i32 {
  return subOf(format)
}

/** How many rows of x, of so many, make a tile. */
export function blockTileRows(format: i32, rows: i32): i32 {
  return rows <= FEW_ROWS ? 1 : modeOf(format) == SHORT ? SHORT_TILE_ROWS : BLOCK_TILE_ROWS
}

function modeOf(f: i32): i32 {
  return inPairs(f) ? PAIRS : lowBits(f) + extraBits(f) < 6 ? SHORT : LONG
}

/** Bytes of scratch that a thread needs: a tile, and an opened panel. */
export function blockScratch(format: i32, columns: i32): i32 {
  const floats = (columns / subOf(format) + columns / tileSubOf(format)) * PANEL
  return TILE_BYTES + 64 + columns * PANEL * (inPairs(format) ? 2 : 1) + 4 * floats
}

/** Computes panels `first` to `end`. */
export function linearBlocks(job: BlockJob, first: i32, end: i32, scratch: usize): void {
  if (job.rows <= FEW_ROWS) fewRows(job, first, end, scratch)
  else manyRows(job, first, end, scratch)
}

function fewRows(job: BlockJob, first: i32, end: i32, scratch: usize): void {
  const panelBytes = blockPanelBytes(job.format, job.k)
  const xBytes = (<usize>job.k) << (inPairs(job.format) ? 1 : 0)
  const scaleBytes = (<usize>(job.k >> 5)) << 2
  const sumBytes = (<usize>(job.k / subOf(job.format))) << 2
  for (let p = first; p < end; p++) {
    const panel = job.panels + <usize>p * panelBytes
    for (let row: usize = 0; row < <usize>job.rows; row++) {
      const x = job.x + row * xBytes
      blockRow(job.format, x, job.xScales + row * scaleBytes, job.xSums + row * sumBytes, panel, job.k, scratch)
      finish(scratch, 0, 1, job.bias ? job.bias + ((<usize>p * PANEL) << 2) : 0, job.activation)
      const out = job.out + ((row * <usize>job.n + <usize>(p * PANEL)) << 2)
      memory.copy(out, scratch, min(PANEL, job.n - p * PANEL) << 2)
    }
  }
}

function manyRows(job: BlockJob, first: i32, end: i32, scratch: usize): void {
  const f = job.format
  const k = job.k
  const sub = subOf(f)
  const pairs = inPairs(f)
  const mode = modeOf(f)
  const tileRows = blockTileRows(f, job.rows)
  const c = scratch
  const t = changetype<BlockTile>(scratch + TILE_BYTES)
  const w = scratch + TILE_BYTES + 64
  const scale = w + <usize>(k * PANEL * (pairs ? 2 : 1))
  const minimum = scale + <usize>((k / tileSubOf(f)) * PANEL * 4)
  const panelBytes = blockPanelBytes(f, k)
  const sumBytes = (<usize>(k / sub)) << 2
  const xBytes = (<usize>k) << (pairs ? 1 : 0)
  t.scaleStride = (<usize>(k >> 5)) << 2
  t.w = w
  t.scales = scale
  t.columns = k
  t.sub = tileSubOf(f)
  t.c = c
  t.ldc = PANEL * 4
  const block = max(1, BLOCK_BYTES / (<i32>xBytes * tileRows)) * tileRows
  for (let top = 0; top < job.rows; top += block) {
    const bottom = min(top + block, job.rows)
    for (let p = first; p < end; p++) {
      openPanel(f, job.panels + <usize>p * panelBytes, k, w, scale, minimum)
      const bias = job.bias ? job.bias + ((<usize>p * PANEL) << 2) : 0
      const columns = min(PANEL, job.n - p * PANEL)
      for (let row = top; row < bottom; row += tileRows) {
        const rows = min(tileRows, bottom - row)
        t.x = job.x + <usize>row * xBytes
        t.xScales = job.xScales + <usize>row * t.scaleStride
        if (hasMinimum(f) || offsetOf(f)) {
          tile(rows, job.xSums + <usize>row * sumBytes, sumBytes, minimum, PANEL * 4, c, PANEL * 4, k / sub)
        } else memory.fill(c, 0, TILE_BYTES)
        blockTile(mode, rows, t)
        finish(c, PANEL * 4, rows, bias, job.activation)
        let out = job.out + ((<usize>row * <usize>job.n + <usize>(p * PANEL)) << 2)
        for (let r = 0; r < rows; r++, out += (<usize>job.n) << 2) memory.copy(out, c + r * PANEL * 4, columns << 2)
      }
    }
  }
}
