/**
 * linear from a weight in blocks: activation(x weight^T + bias), with x quantised by blocks of 32 (block-input.ts). One row or few read the
 * panels as they are (block-row.ts); for more rows a panel is opened once (block-open.ts) and then used for all of them (block-tile.ts), while it
 * lies in a cache. What the sums of x add, for formats with minima or offsets, is a small product of floats.
 * Reference twin: tensor/ops/blocks.ts.
 */
import { blockPanelBytes, extraBits, hasMinimum, inPairs, lowBits, offsetOf, subOf } from './block-formats'
import { openPanel } from './block-open'
import { blockRow } from './block-row'
import { BLOCK_TILE_ROWS, BlockTile, blockTile, HALVES, LONG, PAIRS, SHORT, SHORT_TILE_ROWS } from './block-tile'
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
/** Bytes of a BlockTile, and of the sums of half a block. */
const TILE_STATE = 64 + TILE_BYTES

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
  return rows <= FEW_ROWS ? 1 : modeOf(format) == SHORT || modeOf(format) == HALVES ? SHORT_TILE_ROWS : BLOCK_TILE_ROWS
}

function modeOf(f: i32): i32 {
  if (inPairs(f)) return PAIRS
  const bits = lowBits(f) + extraBits(f)
  return bits < 5 ? SHORT : bits == 5 ? HALVES : LONG
}

/** Bytes of scratch that a thread needs: a tile, and an opened panel. */
export function blockScratch(format: i32, columns: i32): i32 {
  const floats = 2 * (columns / subOf(format)) * PANEL
  return TILE_BYTES + TILE_STATE + columns * PANEL * (inPairs(format) ? 2 : 1) + 4 * floats
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
    const isWhole = (p + 1) * PANEL <= job.n
    for (let row: usize = 0; row < <usize>job.rows; row++) {
      const x = job.x + row * xBytes
      const out = job.out + ((row * <usize>job.n + <usize>(p * PANEL)) << 2)
      const c = isWhole ? out : scratch
      blockRow(job.format, x, job.xScales + row * scaleBytes, job.xSums + row * sumBytes, panel, job.k, c)
      finish(c, 0, 1, job.bias ? job.bias + ((<usize>p * PANEL) << 2) : 0, job.activation)
      if (!isWhole) memory.copy(out, c, (job.n - p * PANEL) << 2)
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
  const t = changetype<BlockTile>(scratch + TILE_BYTES)
  const w = scratch + TILE_BYTES + TILE_STATE
  const scale = w + <usize>(k * PANEL * (pairs ? 2 : 1))
  const minimum = scale + <usize>((k / sub) * PANEL * 4)
  const panelBytes = blockPanelBytes(f, k)
  const sumBytes = (<usize>(k / sub)) << 2
  const xBytes = (<usize>k) << (pairs ? 1 : 0)
  t.scaleStride = (<usize>(k >> 5)) << 2
  t.w = w
  t.halves = scratch + TILE_BYTES + 64
  t.scales = scale
  t.columns = k
  t.sub = sub
  const block = max(1, BLOCK_BYTES / (<i32>xBytes * tileRows)) * tileRows
  for (let top = 0; top < job.rows; top += block) {
    const bottom = min(top + block, job.rows)
    for (let p = first; p < end; p++) {
      openPanel(f, job.panels + <usize>p * panelBytes, k, w, scale, minimum)
      const bias = job.bias ? job.bias + ((<usize>p * PANEL) << 2) : 0
      const isWhole = (p + 1) * PANEL <= job.n
      t.ldc = isWhole ? (<usize>job.n) << 2 : PANEL * 4
      for (let row = top; row < bottom; row += tileRows) {
        const rows = min(tileRows, bottom - row)
        const out = job.out + ((<usize>row * <usize>job.n + <usize>(p * PANEL)) << 2)
        t.c = isWhole ? out : scratch
        t.x = job.x + <usize>row * xBytes
        t.xScales = job.xScales + <usize>row * t.scaleStride
        if (hasMinimum(f) || offsetOf(f)) {
          tile(rows, job.xSums + <usize>row * sumBytes, sumBytes, minimum, PANEL * 4, t.c, t.ldc, k / sub)
        } else clear(t.c, t.ldc, rows)
        blockTile(mode, rows, t)
        finish(t.c, t.ldc, rows, bias, job.activation)
        if (isWhole) continue
        for (let r = 0; r < rows; r++) {
          memory.copy(out + <usize>r * ((<usize>job.n) << 2), scratch + r * PANEL * 4, (job.n - p * PANEL) << 2)
        }
      }
    }
  }
}

function clear(c: usize, ldc: usize, rows: i32): void {
  for (let r = 0; r < rows; r++, c += ldc) {
    v128.store(c, i32x4.splat(0))
    v128.store(c, i32x4.splat(0), 16)
  }
}
